#!/usr/bin/env python3
"""A second verifier of Rejoin's audit log: it shares no code with the first, and agrees with it.

    verify.py FILE --keys FILE [--checkpoint FILE]...

FILE is an SQLite database, or what `rejoin audit export` wrote. Standard library only. Prints a JSON object for each log:
organisation_id, records, first_bad_index. Exit code 0 sound, 1 tampered, 2 bad input."""
import argparse, base64, datetime, functools, hashlib, hmac, json, re, sqlite3, sys, uuid

LEAF = ["record_id", "organisation_id", "space_id", "at", "action", "commitment"]
REST = ["user_id", "device_id", "subject", "reason", "trace", "details"]
COLUMNS = LEAF + ["leaf_index", "salt"] + REST
ODD = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


# RFC 8032, 5.1: Ed25519, in extended coordinates
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

def point(data):
    y, sign = int.from_bytes(data, "little") & (1 << 255) - 1, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * pow(2, (P - 1) // 4, P) % P if (x * x - square) % P else x
    if y >= P or (x * x - square) % P or x == 0 and sign:
        raise ValueError("no point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

def times(n, p):
    q = (0, 1, 1, 0)
    while n:
        q, p, n = add(q, p) if n & 1 else q, add(p, p), n >> 1
    return q

BASE = point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))

def is_signed(key, text, signature):
    try:
        a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except (ValueError, IndexError):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, a))
    return len(signature) == 64 and s < L and not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))

def key_of(line):
    kind, data = line.split()
    if kind == "ed25519":
        return base64.b64decode(data)
    n = int.from_bytes(hashlib.sha512(base64.b64decode(data)).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254
    x, y, z, _ = times(n, BASE)
    x, y = x * pow(z, -1, P) % P, y * pow(z, -1, P) % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


# RFC 8785: canonical JSON
def number(n):
    if isinstance(n, int) or abs(n) <= 2**53 and n == int(n):
        return str(int(n))
    sign, digits, exponent = re.fullmatch(r"(-?)([\d.]+)(?:e([+-]\d+))?", repr(n)).groups()
    whole, _, part = digits.partition(".")
    digits = (whole + part).lstrip("0")
    dot = len(digits) - len(part) + int(exponent or 0)
    digits = digits.rstrip("0")
    if -6 < dot <= 0:
        return sign + "0." + "0" * -dot + digits
    if 0 < dot <= 21:
        return sign + (digits[:dot] + "." + digits[dot:] if len(digits) > dot else digits.ljust(dot, "0"))
    return f"{sign}{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{dot - 1:+d}"

def jcs(value):
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(jcs(name) + ":" + jcs(item) for name, item in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number(value) if numeric else json.dumps(value, ensure_ascii=False)

def unique(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)

def parse(data):
    return json.loads(data.decode(), object_pairs_hook=unique, parse_constant=[].index)


# RFC 6962, 2.1: the tree
def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def tree(leaves):
    """The root of the first so many leaves, as a function."""
    @functools.cache
    def root(low, high):
        if high - low < 2:
            return leaves[low] if high > low else sha()
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        return sha(b"\1", root(low, middle), root(middle, high))
    return lambda size: root(0, size) if size <= len(leaves) else None

def levels(hashes):
    while hashes:
        yield hashes
        hashes = [tree(hashes[i:i + 256])(256) for i in range(0, len(hashes) - 255, 256)]


# C2SP signed-note and tlog-checkpoint
def strict64(text):
    if base64.b64encode(data := base64.b64decode(text, validate=True)).decode() != text:
        raise ValueError("base64 in another form")
    return data

def opened(note, origin, keys):
    """Size and root of a checkpoint that a known key signed."""
    form = rf"({re.escape(origin)}\n(0|[1-9][0-9]*)\n(\S+)\n)\n((?:— [^\s+]+ \S+\n)+)"
    text, size, root, lines = re.fullmatch(form, note).groups()
    known = False
    for name, data in ((line.split(" ")[1], strict64(line.split(" ")[2])) for line in lines.split("\n")[:-1]):
        own = [key for key in keys if name == origin and sha(name.encode(), b"\n\1", key)[:4] == data[:4]]
        if own and not any(is_signed(key, text.encode(), data[4:]) for key in own):
            raise ValueError("a signature does not fit")
        known = known or bool(own)
    if not known:
        raise ValueError("no known key signed it")
    return int(size), strict64(root)


# What is read: lists that begin with the kind of the part. What can't be read stays bytes, which are in no JSON.
def stamp(ms):
    instant = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=min(max(ms, -62135596800000), 253402300799999))
    return instant.isoformat(timespec="milliseconds") + "Z"

def attempt(read, value):
    try:
        return None if value is None else read(value)
    except ODD:
        return value

def of_sqlite(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    ident, text = (lambda data: str(uuid.UUID(bytes=data))), bytes.decode
    read = dict.fromkeys(COLUMNS, ident) | dict.fromkeys(["action", "subject", "reason", "trace"], text)
    read |= {"at": stamp, "leaf_index": int, "salt": bytes, "details": parse, "commitment": lambda data: base64.b64encode(data).decode()}
    columns = ", ".join(f"CAST({name} AS BLOB)" if name in ("action", "trace") else name for name in COLUMNS)
    tables = ["trees", "checkpoints", "tiles", "records"]
    for (owner,) in sorted(db.execute(" UNION ".join(f"SELECT organisation_id FROM audit_{table}" for table in tables))):
        rows = lambda what, order: db.execute(f"SELECT {what} WHERE organisation_id = ? ORDER BY {order}", (owner,))
        yield ["log", attempt(ident, owner), next((size for (size,) in rows("size FROM audit_trees", 1)), None)]
        yield from (["checkpoint", *row] for row in rows("size, root, CAST(note AS BLOB) FROM audit_checkpoints", "size"))
        yield from (["tile", *row] for row in rows("level, tile_index, hashes FROM audit_tiles", "level, tile_index"))
        for row in rows(f"{columns} FROM audit_records", "leaf_index IS NULL, leaf_index, record_id"):
            yield ["record", {name: attempt(read[name], value) for name, value in zip(COLUMNS, row)}]

def of_export(path):
    for line in open(path, "rb"):
        try:
            (kind, part), = parse(line).items()
            if kind == "record":
                salt, at = part["salt"] and strict64(part["salt"]), part["at"]
                yield [kind, {name: part[name] for name in COLUMNS} | {"salt": salt, "at": stamp(at) if isinstance(at, int) else at}]
            elif kind == "tile":
                yield [kind, part["level"], part["index"], strict64(part["hashes"])]
            elif kind == "checkpoint":
                yield [kind, part["size"], strict64(part["root"]), part["note"].encode()]
            else:
                yield ["log", part["organisation_id"], part["size"]]
        except ODD:
            yield ["unreadable"]


# What is checked
def leaf_of(record, seq):
    if not isinstance(record["commitment"], str) or len(strict64(record["commitment"])) != 32 or record["record_id"] is None:
        raise ValueError("no leaf")
    return sha(b"\0", jcs({name: record[name] for name in LEAF} | {"seq": seq, "v": 1}).encode())

def fits(record):
    """Whether what can be erased is what was committed to, or erased as a whole, or not committed to yet."""
    rest = {name: record[name] for name in REST}
    if record["commitment"] is None or record["salt"] is None and not any(item is not None for item in rest.values()):
        return True
    tag = hmac.digest(record["salt"], jcs(rest).encode(), "sha256")
    return len(record["salt"]) == 32 and isinstance(rest["details"], dict) and base64.b64encode(tag).decode() == record["commitment"]

def verify(organisation, claimed, parts, keys, outside):
    """How many records follow one another, and the first bad index."""
    bad, tiles, leaves, vouched, stored, broken, waiting = [], {}, [], list(outside), 0, False, False
    for kind, *part in parts:
        n = len(leaves)
        if kind == "checkpoint":
            if attempt(lambda note: opened(note.decode(), f"rejoin/{organisation}", keys), part[2]) == tuple(part[:2]):
                vouched, stored = vouched + [(*part[:2], False)], max(stored, part[0])
            else:
                bad.append(stored)
        elif kind == "tile":
            level, index, data = part
            if not 0 <= level < 256 or index < 0:
                bad.append(0)
                continue
            tiles[level, index] = [data[i:i + 32] for i in range(0, min(len(data) // 32, 256) * 32, 32)]
            if len(data) % 32 or not 0 < len(data) <= 8192:
                bad.append(index * 256 + len(tiles[level, index]) << 8 * level)
        elif kind == "unreadable":
            bad, broken = bad + [n], True
        elif (seq := part[0]["leaf_index"]) is None:
            waiting = waiting or attempt(fits, part[0]) is not True
        elif not broken and seq != n:
            bad, broken = bad + [min(max(seq, 0), n)], seq > n
        elif not broken:
            leaf, said = attempt(lambda record: leaf_of(record, n), part[0]), tiles.get((0, n // 256), [])[n % 256:n % 256 + 1]
            if not isinstance(leaf, bytes) or said not in ([], [leaf]) or attempt(fits, part[0]) is not True:
                bad.append(n)
            leaves.append(leaf if isinstance(leaf, bytes) else sha())
    count, by_tiles = len(leaves), []
    while len(by_tiles) % 256 == 0 and tiles.get((0, len(by_tiles) // 256)):
        by_tiles += tiles[0, len(by_tiles) // 256]
    size, claimed = max(count, len(by_tiles)), claimed or 0
    if not broken and (count < size or claimed != count):
        bad.append(count if count < size else min(count, max(claimed, 0)))
    own = list(levels(leaves))
    for level in range(8):
        for place in range(size >> 8 * level):
            said, below = tiles.get((level, place // 256), [])[place % 256:place % 256 + 1], tiles.get((level - 1, place), [])
            known = [tree(below)(256)] * (len(below) == 256) + [row[place] for row in own[level:level + 1] if place < len(row)]
            if not said or level and known and said[0] not in known:
                bad.append(place << 8 * level)
                break
    for (level, index), hashes in tiles.items():
        room = max((size >> 8 * level) - index * 256, 0)
        if len(hashes) > room or not hashes:
            bad.append(index * 256 + min(room, 256) << 8 * level)
    agreed, agreed_outside, roots = 0, 0, [tree(leaves), tree(by_tiles)]
    for at, root, kept in sorted(vouched, key=lambda one: one[0]):
        if at > size:
            bad.append(count)
        elif root in [known(at) for known in roots]:
            agreed, agreed_outside = at, at if kept else agreed_outside
        else:
            bad.append(agreed_outside if kept else agreed)
    return count, min(bad + [size] * waiting, default=None)

def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("file")
    options.add_argument("--keys", required=True)
    options.add_argument("--checkpoint", action="append", default=[])
    options = options.parse_args()
    keys = [key_of(line) for line in open(options.keys) if line.strip() and line[0] != "#"]
    notes = [open(path, "rb").read().decode() for path in options.checkpoint]
    outside = [(note.split("\n")[0], (*opened(note, note.split("\n")[0], keys), True)) for note in notes]
    with open(options.file, "rb") as file:
        parts = of_sqlite(options.file) if file.read(15) == b"SQLite format 3" else of_export(options.file)
    logs, sound = [], True
    for part in parts:
        if part[0] == "log":
            logs.append([])
        logs[-1].append(part)
    known = [f"rejoin/{log[0][1]}" for log in logs]
    logs += [[["log", lost.removeprefix("rejoin/"), None]] for lost in sorted({origin for origin, _ in outside} - set(known))]
    for (_, organisation, claimed), *rest in logs:
        held = [kept for origin, kept in outside if origin == f"rejoin/{organisation}"]
        count, first = verify(organisation, claimed, rest, keys, held)
        print(json.dumps({"organisation_id": str(organisation), "records": count, "first_bad_index": first}))
        sound = sound and first is None
    return 0 if sound else 1

if __name__ == "__main__":
    try:
        sys.exit(main())
    except (IndexError, OSError, sqlite3.Error, *ODD) as error:
        print(f"verify.py: {error!r}", file=sys.stderr)
        sys.exit(2)
