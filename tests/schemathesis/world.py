"""A small world behind the API, so that generated calls find something: real ids for every place that takes one."""

import json
import time
import urllib.error
import urllib.request
import uuid

PASSWORD = "correct horse battery"
LEAD = "ana@example.org"
OWNER = "eve@example.com"
CHANGED = "member5@example.org"


class Client:
    """A device of a user."""

    def __init__(self, url, email=LEAD, token=None, device_id=None):
        self.url = url
        self.token = token
        if token is None:
            device = {"id": device_id, "name": "a device", "platform": "test"}
            grant = self.call("POST", "/api/auth/login", {"email": email, "password": PASSWORD, "device": device})
            self.token, self.refresh_token = grant["access_token"], grant["refresh_token"]
            self.user_id, self.device_id = grant["user_id"], grant["device_id"]

    def call(self, method, path, body=None):
        """A call that is to succeed; what it answered."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 429:
                # made-up passwords came from the same address
                time.sleep(int(error.headers["Retry-After"]))
                return self.call(method, path, body)
            raise RuntimeError(f"{method} {path} answers {error.code}: {error.read().decode()}") from error
        return json.loads(text) if text else None

    def push(self, space, operations):
        """Sends operations; their results."""
        body = {"protocol": 1, "space_id": space, "operations": operations, "pull": {"spaces": {space: {"cursor": None}}}}
        return self.call("POST", "/api/offline/sync", body)

    def space(self, name, schema=None):
        """Makes a space; its id."""
        return self.call("POST", "/api/spaces", {"name": name, "schema": schema, "event_date": "2026-06-20"})["space_id"]


def operation(document, patch, base=0, kind="update", collection="notes"):
    return {
        "op_id": str(uuid.uuid4()),
        "collection": collection,
        "document_id": document,
        "kind": kind,
        "base_version": base,
        "patch": patch,
    }


def build(url):
    """Makes the world. Gives its ids by what they are of; `expendable` ones may be destroyed."""
    ana = Client(url)
    second = Client(url)
    space = ana.space("Amara & Joel")
    wedding = ana.space("Amara & Joel, planned", "wedding@2")
    users = []
    for number in range(6):
        person = {"email": f"member{number}@example.org", "password": PASSWORD, "name": f"Member {number}"}
        users.append(ana.call("POST", "/api/users", person)["user_id"])
    for target in (space, wedding):
        for user, role in zip(users, ["coordinator", "photographer", "vendor", "couple", "viewer"]):
            ana.call("PUT", f"/api/spaces/{target}/members/{user}", {"role": role})
    conflicts, operations = disputed(ana, second, space)
    failed = refused(url, space)
    queued = {"protocol": 1, "operations": [operation("queued", {"a": 1}, 0, "create")]}
    own = ana.call("POST", f"/api/offline/queue/batch?space={space}", queued)
    task = ana.call("POST", "/api/offline/queue/retry", {"filter": {"space_id": space, "reason": "internal"}})["task_id"]
    pushes = ana.call("GET", f"/api/offline/audit?space={space}&device={ana.device_id}&action=sync.push")["items"]
    return {
        "record": [push["record_id"] for push in pushes],
        "document": ["notes/disputed-1"],
        "field": ["text"],
        "changed": Client(url, CHANGED).token,
        "login": "member2@example.org",
        "password": PASSWORD,
        "refresh_token": second.refresh_token,
        "space": [space, wedding],
        "user": users[:5],
        "device": [ana.device_id, second.device_id],
        "conflict": conflicts,
        "operation": operations,
        "failed": failed,
        "batch": [own["batch_id"]],
        "task": [task],
        **purged(url, ana),
        "expendable space": [ana.space(f"Short-lived {number}") for number in range(4)],
        "expendable user": users[3:5],
        "expendable device": [Client(url).device_id for _ in range(4)],
    }


def disputed(ana, second, space):
    """Documents that two devices edited without seeing each other: open questions, and one that was answered."""
    documents = [f"disputed-{number}" for number in range(8)]
    made = ana.push(space, [operation(document, {"text": "base"}, 0, "create") for document in documents])
    base = max(result["version"] for result in made["results"])
    edits = [operation(document, {"text": "by one"}, base) for document in documents]
    ana.push(space, edits)
    answers = second.push(space, [operation(document, {"text": "by another"}, base) for document in documents])
    conflicts = [result["conflict_id"] for result in answers["results"]]
    version = ana.call("GET", f"/api/offline/conflict/{conflicts[0]}")["version"]
    answer = {"conflict_id": conflicts[0], "op_id": str(uuid.uuid4()), "version": version, "choose": "theirs"}
    ana.call("PUT", "/api/offline/sync/resolve", {"resolutions": [answer]})
    return conflicts, [edit["op_id"] for edit in edits]


def refused(url, space):
    """Operations of somebody who may only look: they are kept for a lead's decision."""
    viewer = Client(url, "member4@example.org")
    attempts = [operation(f"refused-{number}", {"text": "by a viewer"}, 0, "create") for number in range(4)]
    viewer.push(space, attempts)
    return [attempt["op_id"] for attempt in attempts]


def purged(url, ana):
    """The lead was a guest of somebody else's, was removed, and is told to purge: that order and its space."""
    host = Client(url, "member5@example.org")
    space = host.space("Somebody else's")
    guest = f"/api/spaces/{space}/members/{ana.user_id}"
    host.call("PUT", guest, {"role": "viewer"})
    ana.push(space, [])
    host.call("DELETE", guest)
    return {"purge": [ana.push(space, [])["changes"][space]["purge_id"]], "lost space": [space]}
