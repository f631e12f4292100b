"""Whether another tenant's ids can be told from ids that nobody was given by how long the answer takes; and emails that
there are from such as there are not, at a login that fails.

    run.py --binary target/release/rejoin --database URL [--tries 1000]

At the endpoints of ENDPOINTS below, `tries` times each in turn: one of another tenant's fifty, and one made up. Wrong
passwords are tried of as many people as it takes for nobody to have to wait, and of as many who do not exist. Welch's t
of the two samples is to stay below 4.5, as they are and without their slowest tenth, which is noise of the machine. A
difference that is there grows with every try, one that is chance does not: what is above is measured once more, with
twice as many tries. Nothing but Python's own library is needed.
"""

import argparse
import http.client
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import uuid

UNLIMITED = ["--limit-device", "none", "--limit-account", "none", "--limit-organisation", "none"]
PASSWORD = "correct horse battery"
FOREIGN = 50
LIMIT = 4.5
# wrong passwords of one person before the next has to wait (auth/src/throttle.rs)
FREE = 5
# how often the first ones warm up
WARM_UP = 20
JSON = {"Content-Type": "application/json"}

# method, path with the ids that it takes, body; {fresh} is an id that is new each time
ENDPOINTS = [
    ("GET", "/api/spaces/{space}", None),
    ("PUT", "/api/spaces/{space}", {"name": "mine"}),
    ("GET", "/api/spaces/{space}/members", None),
    ("GET", "/api/spaces/{space}/presence", None),
    ("DELETE", "/api/spaces/{space}/members/{user}", None),
    ("GET", "/api/offline/sync/snapshot?space={space}", None),
    ("POST", "/api/offline/sync", {"protocol": 1, "pull": {"spaces": {"{space}": {"cursor": None}}}}),
    ("POST", "/api/offline/sync/verify", {"space_id": "{space}", "cursor": None}),
    ("POST", "/api/offline/sync/receipts", {"op_ids": ["{operation}"]}),
    ("GET", "/api/offline/sync/explain/{operation}", None),
    ("GET", "/api/offline/sync/status/{device}", None),
    ("POST", "/api/offline/sync/purged", {"purge_id": "{operation}", "space_id": "{space}"}),
    ("GET", "/api/offline/conflict?space={space}", None),
    ("GET", "/api/offline/conflict/{conflict}", None),
    ("POST", "/api/offline/conflict/{conflict}/undo", {"op_id": "{fresh}"}),
    ("GET", "/api/offline/queue/pending?space={space}", None),
    ("PUT", "/api/offline/queue/retry/{operation}", {}),
    ("DELETE", "/api/offline/sync/queue/{operation}", None),
    ("GET", "/api/offline/queue/batch/{batch}", None),
    ("GET", "/api/auth/devices/{device}", None),
]
LOGIN = ("POST", "/api/auth/login", None)


class Client:
    """A device on one connection that is kept."""

    def __init__(self, address, email):
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.headers = dict(JSON)
        login = {"email": email, "password": PASSWORD, "device": {"name": "a device", "platform": "test"}}
        self.grant = self.call("POST", "/api/auth/login", login)
        self.headers["Authorization"] = f"Bearer {self.grant['access_token']}"

    def ask(self, method, path, body):
        """Status, answer, and how many nanoseconds it took."""
        data = None if body is None else json.dumps(body)
        start = time.perf_counter_ns()
        self.connection.request(method, path, body=data, headers=self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, text, time.perf_counter_ns() - start

    def call(self, method, path, body=None):
        status, text, _ = self.ask(method, path, body)
        if status >= 300:
            sys.exit(f"{method} {path} answers {status}: {text.decode()}")
        return json.loads(text) if text else None


def foreign(client):
    """Fifty weddings of another tenant, with something of everything in them."""
    ids = {"space": [], "operation": [], "conflict": [], "batch": []}
    for number in range(FOREIGN):
        space = client.call("POST", "/api/spaces", {"name": f"Wedding {number}"})["space_id"]
        created = operation("create", 0, "base")
        made = push(client, space, created)
        push(client, space, operation("update", made["version"], "one"))
        # as another device that has not seen it
        disputed = {**operation("update", made["version"], "another"), "after": created["op_id"]}
        dispute = push(client, space, disputed)
        ids["space"].append(space)
        ids["operation"].append(created["op_id"])
        ids["conflict"].append(dispute["conflict_id"])
        queued = {"protocol": 1, "operations": [operation("create", 0, "queued")]}
        ids["batch"].append(client.call("POST", f"/api/offline/queue/batch?space={space}", queued)["batch_id"])
    ids["device"], ids["user"] = [client.grant["device_id"]], [client.grant["user_id"]]
    return ids


def operation(kind, base, text):
    identity = {"op_id": str(uuid.uuid4()), "collection": "notes", "document_id": "a"}
    if text == "queued":
        identity["document_id"] = "b"
    return {**identity, "kind": kind, "base_version": base, "patch": {"text": text}}


def push(client, space, sent):
    body = {"protocol": 1, "space_id": space, "operations": [sent]}
    return client.call("POST", "/api/offline/sync", body)["results"][0]


def fill(value, ids):
    if isinstance(value, str):
        for name, given in ids.items():
            value = value.replace(f"{{{name}}}", given)
        return value
    if isinstance(value, list):
        return [fill(item, ids) for item in value]
    if isinstance(value, dict):
        return {fill(name, ids): fill(item, ids) for name, item in value.items()}
    return value


def measure(client, endpoint, known, tries):
    """The times of both kinds, in turn; which goes first is chance, as is which id."""
    method, path, body = endpoint
    chance = random.Random(7)
    times = {True: [], False: []}
    for attempt in range(tries + WARM_UP):
        for is_foreign in chance.sample([True, False], 2):
            made_up = {name: str(uuid.uuid4()) for name in (*known, "fresh")}
            ids = {**made_up, **({name: chance.choice(given) for name, given in known.items()} if is_foreign else {})}
            _, _, took = client.ask(method, fill(path, ids), fill(body, ids))
            if attempt >= WARM_UP:
                times[is_foreign].append(took)
    return times[True], times[False]


def measure_logins(client, _endpoint, _known, tries):
    """As `measure`, of logins with a wrong password: by emails of people there are, and by such that nobody has."""
    chance = random.Random(7)
    times = {True: [], False: []}
    for attempt in range(tries + WARM_UP):
        if attempt % FREE == 0:
            emails = {is_known: f"{uuid.uuid4()}@example.org" for is_known in (True, False)}
            client.call("POST", "/api/users", {"email": emails[True], "password": PASSWORD, "name": "somebody"})
        for is_known in chance.sample([True, False], 2):
            login = {"email": emails[is_known], "password": "a wrong password", "device": {"name": "a device"}}
            status, text, took = client.ask("POST", "/api/auth/login", login)
            if status != 401:
                sys.exit(f"a wrong password is answered {status}: {text.decode()}")
            if attempt >= WARM_UP:
                times[is_known].append(took)
    return times[True], times[False]


def welch(one, other):
    """Welch's t of two samples."""

    def moments(sample):
        mean = sum(sample) / len(sample)
        return mean, sum((value - mean) ** 2 for value in sample) / (len(sample) - 1) / len(sample)

    (mean, spread), (other_mean, other_spread) = moments(one), moments(other)
    return (mean - other_mean) / math.sqrt(spread + other_spread)


def without_slowest(one, other):
    """Both samples without what took longer than nine tenths of all tries."""
    bound = sorted(one + other)[(len(one) + len(other)) * 9 // 10]
    return [value for value in one if value <= bound], [value for value in other if value <= bound]


def judge(client, endpoint, known, tries):
    """The greater t, and the medians."""
    samples = (measure_logins if endpoint == LOGIN else measure)(client, endpoint, known, tries)
    t = max(abs(welch(*samples)), abs(welch(*without_slowest(*samples))))
    return t, [sorted(sample)[len(sample) // 2] / 1000 for sample in samples]


def told_apart(client, known, tries):
    """The endpoints at which ids can be told apart; prints a line for each."""
    found = []
    print(f"{'t':>6}  {'known':>9} {'unknown':>9}  medians in µs of {tries} tries each")
    for endpoint in [*ENDPOINTS, LOGIN]:
        t, medians = judge(client, endpoint, known, tries)
        if t >= LIMIT:
            first = t
            t, medians = judge(client, endpoint, known, 2 * tries)
            print(f"{first:6.2f}  once more, with {2 * tries} tries:")
        if t >= LIMIT:
            found.append(endpoint)
        print(f"{t:6.2f}  {medians[0]:9.1f} {medians[1]:9.1f}  {endpoint[0]} {endpoint[1]}", flush=True)
    return found


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--binary", required=True)
    options.add_argument("--database", required=True)
    options.add_argument("--tries", type=int, default=1000)
    options = options.parse_args()
    binary = str(pathlib.Path(options.binary).resolve())
    at = ["--database", options.database, "--allow-fsync-off"]
    with tempfile.TemporaryDirectory(prefix="rejoin-timing.") as folder:
        subprocess.run([binary, "migrate", *at], check=True, cwd=folder, stdout=subprocess.DEVNULL)
        for email, organisation in [("ana@example.org", "Alder"), ("eve@example.com", "Birch")]:
            add = [binary, "user", "add", email, "--organisation", organisation, "--admin", "--password-stdin", *at]
            subprocess.run(add, check=True, cwd=folder, stdout=subprocess.DEVNULL, input=PASSWORD.encode())
        serve = [binary, "serve", "--bind", "127.0.0.1:0", "--log-level", "error", *UNLIMITED, *at]
        server = subprocess.Popen(serve, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().strip().rsplit("/", 1)[-1]
            found = told_apart(Client(address, "ana@example.org"), foreign(Client(address, "eve@example.com")), options.tries)
        finally:
            server.terminate()
            server.wait(timeout=60)
    print(f"{len(ENDPOINTS) + 1} endpoints, {len(found)} at which a foreign id, or an email, can be told by its time")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
