"""What schemathesis cannot know: who calls, which ids there are, and whether every operation was really reached."""

import atexit
import collections
import json
import os

import schemathesis

from world import OWNER, Client

WORLD = json.load(open(os.environ["REJOIN_WORLD"], encoding="utf-8"))
URL = os.environ["REJOIN_URL"]
REACHED = os.environ["REJOIN_REACHED"]

# --- who calls ---------------------------------------------------------------------------------------------------


# who holds an organisation holds one that nobody else here is of
OTHER_OWNER = {"POST /api/offline/incident", "DELETE /api/offline/incident"}
# who changes their password does not get in with the old one again: their one login stays
CHANGES_PASSWORD = "POST /api/auth/password"


@schemathesis.auth(refresh_interval=None)
class Login:
    """The lead's token, or another owner's; a new one where a call ended the session."""

    tokens = {}

    def get(self, case, _):
        if case.operation.label == "POST /api/auth/logout":
            # it ends what it is called with
            return Client(URL).token
        if case.operation.label == CHANGES_PASSWORD:
            return WORLD["changed"]
        is_other = case.operation.label in OTHER_OWNER
        if is_other not in Login.tokens:
            login = Client(URL, OWNER) if is_other else Client(URL, device_id=WORLD["device"][0])
            Login.tokens[is_other] = login.token
        return Login.tokens[is_other]

    def set(self, case, token, _):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {token}"


# --- which ids there are -----------------------------------------------------------------------------------------

# what a parameter or member of this name is an id of; a new endpoint that names its ids so is reached by itself
IDS = {
    "space": "space",
    "space_id": "space",
    "device": "device",
    "device_id": "device",
    "user": "user",
    "user_id": "user",
    "who": "user",
    "conflict_id": "conflict",
    "op_id": "operation",
    "batch": "batch",
    "batch_id": "batch",
    "purge_id": "purge",
    "record": "record",
    "record_id": "record",
}
# where the name alone does not tell, or where what is named is destroyed
IDS_AT = {
    ("/api/offline/queue/retry/{id}", "id"): "failed",
    ("/api/offline/sync/queue/{id}", "id"): "failed",
    ("/api/offline/queue/tasks/{id}", "id"): "task",
}
DESTROYED = {"space_id": "expendable space", "user_id": "expendable user", "device_id": "expendable device"}
# what goes together in one request
VALUES_IN = {
    "LoginRequest": {"email": [WORLD["login"]], "password": [WORLD["password"]]},
    "PasswordRequest": {"old_password": [WORLD["password"]]},
    "RefreshRequest": {"refresh_token": [WORLD["refresh_token"]]},
    "RevealRequest": {"document": WORLD["document"], "field": WORLD["field"]},
    "RevealPlaceRequest": {"field": ["/text"]},
    "PurgedRequest": {"purge_id": WORLD["purge"], "space_id": WORLD["lost space"]},
}


def among(values, schema):
    """The same schema, satisfied by the same values, of which these are tried as often as all others."""
    return {"anyOf": [{"enum": values}, schema]}


def destroys(path, method, name):
    last = path.rstrip("/").split("/")[-1]
    return (last == "wipe" or method == "delete" and last == f"{{{name}}}") and name in DESTROYED


def of_parameter(path, method, name):
    if destroys(path, method, name):
        return WORLD[DESTROYED[name]]
    kind = IDS_AT.get((path, name), IDS.get(name))
    return WORLD.get(kind)


def fill_schema(schema, values):
    """Offers real values for the members that have them, wherever they are in it."""
    if isinstance(schema, list):
        for item in schema:
            fill_schema(item, values)
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("type"), list) and "format" in schema and "null" in schema["type"]:
        # said so, the tool knows that the format is that of the string
        schema["anyOf"] = [{"type": "string", "format": schema.pop("format")}, {"type": "null"}]
        del schema["type"]
    for name, member in (schema.get("properties") or {}).items():
        if isinstance(member, dict) and name in values and "anyOf" not in member:
            schema["properties"][name] = among(values[name], member)
    for name, member in schema.items():
        if name not in ("example", "examples", "enum", "const"):
            fill_schema(member, values)


def fill_example(example, values):
    if isinstance(example, list):
        for item in example:
            fill_example(item, values)
    if isinstance(example, dict):
        for name, member in example.items():
            if name in values and isinstance(member, str):
                example[name] = values[name][0]
            else:
                fill_example(member, values)


@schemathesis.hook
def before_load_schema(_, document):
    values = {name: WORLD[kind] for name, kind in IDS.items() if name != "device"}
    for name, schema in document["components"]["schemas"].items():
        fill_schema(schema, {**values, **VALUES_IN.get(name, {})})
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                ids = of_parameter(path, method, parameter["name"])
                if ids:
                    parameter["schema"] = among(ids, parameter["schema"])
            for content in operation.get("requestBody", {}).get("content", {}).values():
                # an operation that is sent has an id of its own
                fitting = {name: ids for name, ids in values.items() if name != "op_id"}
                fitting.update(VALUES_IN.get(content["schema"].get("$ref", "").rsplit("/", 1)[-1], {}))
                fill_example(content.get("example"), fitting)


@schemathesis.hook
def before_call(_, case, **kwargs):
    """The tool keeps ids that it was told of: those that everything else needs are not destroyed."""
    for name, value in (case.path_parameters or {}).items():
        if destroys(case.path, case.method.lower(), name) and value in WORLD[IDS[name]]:
            case.path_parameters[name] = WORLD[DESTROYED[name]][0]


# --- whether every operation was reached ---------------------------------------------------------------------------

answers = collections.defaultdict(collections.Counter)


@schemathesis.hook
def after_call(_, case, response):
    answers[case.operation.label][response.status_code] += 1
    sent = (case.headers or {}).get("Authorization")
    if response.status_code == 401:
        Login.tokens = {who: token for who, token in Login.tokens.items() if sent != f"Bearer {token}"}


@atexit.register
def tell():
    with open(REACHED, "w", encoding="utf-8") as file:
        json.dump(answers, file)
