#!/usr/bin/env python3
"""A second verifier of Rejoin's audit log: it shares no code with the first, and agrees with it.

    verify.py FILE [--keys FILE] [--checkpoint FILE]...

FILE is an SQLite database or what `rejoin audit export` wrote. Standard library only. Prints one JSON object a log,
{"organisation_id", "records", "first_bad_index"}; exit code 0 sound, 1 tampered, 2 bad input."""
import base64, datetime, hashlib, hmac, json, math, re, sqlite3, sys, uuid

MEMBERS = ["record_id", "organisation_id", "space_id", "at", "action", "commitment", "leaf_index", "salt", "user_id",
           "device_id", "subject", "reason", "trace", "details"]
BAD = object()  # a value that can't be read


# --- RFC 8032, section 5.1: Ed25519
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise ValueError("no point")
    return P - x if x & 1 != sign else x

def point(data):
    n = int.from_bytes(data, "little")
    y, sign = n & (1 << 255) - 1, n >> 255
    return (x := recover_x(y, sign)), y, 1, x * y % P

def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

def times(n, p):
    q = (0, 1, 1, 0)
    while n:
        q, p, n = add(q, p) if n & 1 else q, add(p, p), n >> 1
    return q

def signed(key, text, signature):
    try:
        a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    left, right = times(s, (G, GY, 1, G * GY % P)), add(r, times(k, a))
    return len(signature) == 64 and s < L and not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))

GY = 4 * pow(5, P - 2, P) % P
G = recover_x(GY, 0)


# --- RFC 8785: canonical JSON
def number(n):
    if isinstance(n, int) or n == int(n) and abs(n) < 1e21:
        return str(int(n))
    sign, digits, exponent = re.match(r"(-?)([\d.]+)(?:e([+-]\d+))?$", repr(n)).groups()
    whole, _, part = digits.partition(".")
    point_at = len(whole) + int(exponent or 0)
    digits = (whole + part).lstrip("0")
    point_at -= len(whole + part) - len(digits)
    digits = digits.rstrip("0")
    if -6 < point_at <= 0:
        return sign + "0." + "0" * -point_at + digits
    if 0 < point_at <= 21:
        return sign + (digits[:point_at] + "." + digits[point_at:] if len(digits) > point_at else digits.ljust(point_at, "0"))
    return f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{point_at - 1:+d}"

def jcs(value):
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return "{" + ",".join(jcs(name) + ":" + jcs(item) for name, item in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(jcs, value)) + "]"
    if isinstance(value, str):
        return re.sub(r"\\u00..", lambda escape: escape[0].lower(), json.dumps(value, ensure_ascii=False)).replace("\x7f", "\x7f")
    return json.dumps(value) if value is None or isinstance(value, bool) else number(value)

def unique(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member twice")
    return dict(pairs)

def parse(text):
    return json.loads(text, object_pairs_hook=unique, parse_constant=lambda name: 1 / 0)


# --- RFC 6962: the tree
def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def root(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else sha()
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return sha(b"\1", root(hashes[:half]), root(hashes[half:]))


# --- C2SP signed notes
def opened(note, origin, keys):
    """(size, root) of a checkpoint that a known key signed, else None."""
    form = rf"({re.escape(origin)}\n(0|[1-9]\d*)\n([A-Za-z0-9+/=]{{44}})\n)\n((?:— [^\s+]+ [A-Za-z0-9+/=]+\n)+)"
    if not (match := re.fullmatch(form, note)):
        return None
    text, size, top, lines = match.groups()
    vouched = False
    for line in lines.splitlines():
        _, name, encoded = line.split(" ")
        data = base64.b64decode(encoded)
        ids = [key for key in keys if name == origin and sha(name.encode(), b"\n\1", key)[:4] == data[:4]]
        if ids and not any(signed(key, text.encode(), data[4:]) for key in ids):
            return None
        vouched = vouched or bool(ids)
    return (int(size), base64.b64decode(top)) if vouched else None
