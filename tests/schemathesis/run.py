"""Runs schemathesis against the real server on a fresh database.

    run.py --binary target/debug/rejoin --database URL [--examples 10] [--seed 1]

Python's own packages are those of requirements.txt; `tests/run` installs them. Ends with 0 when no check failed and
every operation of the document was reached.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

UNLIMITED = ["--limit-device", "none", "--limit-account", "none", "--limit-organisation", "none"]
HERE = pathlib.Path(__file__).parent

# what no generated call can bring to success, and why
UNREACHED = {
    "GET /api/offline/realtime": "a socket; schemathesis.toml leaves it out",
    "GET /api/offline/events": "an endless stream; schemathesis.toml leaves it out",
    "GET /api/auth/oidc/{provider}/start": "needs a provider of identity; tests/it/oidc.rs has one",
    "GET /api/auth/oidc/{provider}/callback": "as above",
    "POST /api/auth/oidc/token": "as above",
    "DELETE /api/offline/sync/queue/{id}": "needs a dead letter, which takes a fault; crates/api-actix/tests has one",
}


def rejoin(options, *arguments, **more):
    command = [options.binary, *arguments, "--database", options.database, "--allow-fsync-off"]
    return subprocess.run(command, check=True, cwd=options.folder, stdout=subprocess.DEVNULL, **more)


def start(options):
    """The server and its address."""
    command = [options.binary, "serve", "--bind", "127.0.0.1:0", "--log-level", "error", *UNLIMITED]
    command += ["--database", options.database, "--allow-fsync-off"]
    server = subprocess.Popen(command, cwd=options.folder, stdout=subprocess.PIPE, text=True)
    line = server.stdout.readline()
    return server, line.strip().rsplit(" ", 1)[-1]


def schemathesis(options, url):
    """Runs the tool; its exit code, and how often each operation answered what."""
    world, reached = options.folder / "world.json", options.folder / "reached.json"
    sys.path.insert(0, str(HERE))
    from world import Client, build

    world.write_text(json.dumps(build(url)), encoding="utf-8")
    # from a file: where the tool loads the document from, it does not call
    document = options.folder / "openapi.json"
    document.write_text(json.dumps(Client(url, token="").call("GET", "/api/openapi.json")), encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", str(document), "--url", url, "--max-examples", str(options.examples)]
    command += ["--seed", str(options.seed), "--generation-database", "none", "--continue-on-failure"]
    command += ["--no-color", "--request-timeout", "60", "--warnings", "off"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "REJOIN_WORLD": str(world),
        "REJOIN_URL": url,
        "REJOIN_REACHED": str(reached),
    }
    code = subprocess.run(command, cwd=options.folder, env=environment, check=False).returncode
    return code, json.loads(reached.read_text(encoding="utf-8"))


def unreached(url, answers):
    """The operations of the document that never answered with success."""
    from world import Client

    document = Client(url, token="").call("GET", "/api/openapi.json")
    labels = [f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods]
    succeeded = [label for label, statuses in answers.items() if any(status.startswith("2") for status in statuses)]
    return [label for label in labels if label not in succeeded and label not in UNREACHED]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--binary", required=True)
    options.add_argument("--database", required=True)
    options.add_argument("--examples", type=int, default=10)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    options.binary = str(pathlib.Path(options.binary).resolve())
    with tempfile.TemporaryDirectory(prefix="rejoin-schemathesis.") as folder:
        options.folder = pathlib.Path(folder)
        rejoin(options, "migrate")
        for email, organisation in [("ana@example.org", "Alder"), ("eve@example.com", "Birch")]:
            admin = ["user", "add", email, "--organisation", organisation, "--admin", "--password-stdin"]
            rejoin(options, *admin, input=b"correct horse battery\n")
        server, url = start(options)
        try:
            code, answers = schemathesis(options, url)
            missing = unreached(url, answers)
        finally:
            server.terminate()
            server.wait(timeout=60)
    calls = sum(sum(statuses.values()) for statuses in answers.values())
    print(f"schemathesis: {calls} calls to {len(answers)} operations, seed {options.seed}, {options.examples} examples")
    for label in missing:
        print(f"never answered with success: {label} {dict(answers.get(label, {}))}")
    sys.exit(1 if code or missing else 0)


if __name__ == "__main__":
    main()
