"""`make n8n`: a real n8n on this machine that verifies what `make run` sends, until Ctrl-C.

The tests of the workflows use this module too: n8n's process, its command line, and the API that its editor uses. n8n
listens on loopback only, and keeps all of its files in one folder. Reports and look-ups of its own are switched off.
n8n's process ends with the block that started it.
"""

import http.client
import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import environment
from .business import secret_text
from .ministack import HOST, free_port, usable
from .processes import Failure, running, tail, until
from .processes import command as as_command
from .run import STATE

PROGRAM = environment.LOCAL / "n8n" / "node_modules" / "n8n" / "bin" / "n8n"
RECEIVERS = environment.ROOT / "events" / "receivers"
VERIFYING = "n8n_verify.json"
ACCOUNT = "owner@n8n.example"
PORT = 5678
"""n8n's own port, unless N8N_PORT names another one."""
START_SECONDS = 240
"""The first start makes the database, and the machine may be busy."""
COMMAND_SECONDS = 240
ANSWER_SECONDS = 30

_SILENT = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_DYNAMIC_BANNERS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_HIRING_BANNER_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_PUBLIC_API_DISABLED": "true",
}


@dataclass
class Execution:
    """One run of a workflow: how it ended, and what each node that ran has given."""

    status: str
    outputs: dict[str, list[dict[str, Any]]]

    @property
    def items(self) -> dict[str, int]:
        """How many items each node that ran has given."""
        return {name: len(items) for name, items in self.outputs.items()}


@dataclass
class Instance:
    """A running n8n with an owner."""

    port: int
    password: str = field(default_factory=lambda: f"A1{secrets.token_hex(8)}", repr=False)
    _session: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The address of n8n."""
        return f"http://{HOST}:{self.port}"

    def webhook(self, path: str) -> str:
        """Give the production URL of a workflow's Webhook node."""
        return f"{self.url}/webhook/{path}"

    def set_up(self) -> None:
        """Make the owner's account."""
        owner = {"email": ACCOUNT, "firstName": "O", "lastName": "W", "password": self.password}
        self.ask("POST", "/rest/owner/setup", owner)

    def add_credential(self, type_: str, data: dict[str, str]) -> dict[str, dict[str, str]]:
        """Make a credential, as an owner does, and give what a node refers to it by."""
        name = f"{type_} {secrets.token_hex(4)}"
        made = self.ask("POST", "/rest/credentials", {"name": name, "type": type_, "data": data})
        return {type_: {"id": made["id"], "name": name}}

    def publish(self, workflow: dict[str, Any]) -> str:
        """Import a workflow as the editor does, publish it, and give its id."""
        made = self.ask("POST", "/rest/workflows", workflow)
        self.ask("POST", f"/rest/workflows/{made['id']}/activate", {"versionId": made["versionId"]})
        return made["id"]

    def is_listening(self, path: str) -> bool:
        """Tell whether a published path is in use already: n8n publishes in the background."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", f"/webhook/{path}")
            return b"make a POST request" in connection.getresponse().read()
        finally:
            connection.close()

    def executions(self, workflow: str) -> list[Execution]:
        """Give the ended executions of a workflow, oldest first."""
        found = self.ask("GET", f"/rest/executions?filter=%7B%22workflowId%22%3A%22{workflow}%22%7D&limit=50")
        rows = sorted(found["results"], key=lambda row: int(row["id"]))
        return [self._execution(row["id"]) for row in rows if row["status"] in ("success", "error")]

    def _execution(self, id_: str) -> Execution:
        execution = self.ask("GET", f"/rest/executions/{id_}")
        runs = _unflattened(execution["data"])["resultData"]["runData"]
        return Execution(execution["status"], {name: _items(run[-1]) for name, run in runs.items()})

    def ask(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
        """Call the API of n8n's editor."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
        try:
            headers = {"Content-Type": "application/json", "Cookie": self._session}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status >= 300:
                raise Failure(f"n8n answers {answer.status} to {method} {path}: {text[:1000]}")
            if cookie := answer.getheader("Set-Cookie"):
                self._session = cookie.partition(";")[0]
            return json.loads(text)["data"]
        finally:
            connection.close()


def _items(run: dict[str, Any]) -> list[dict[str, Any]]:
    outputs = (run.get("data") or {}).get("main") or []
    return [item["json"] for output in outputs for item in output or []]


def _unflattened(text: str) -> Any:  # noqa: ANN401 - JSON
    # n8n writes executions by the npm package `flatted`: a list of values in which a string within a value is an index.
    values = json.loads(text)

    def value_at(index: int) -> Any:  # noqa: ANN401
        value = values[index]
        if isinstance(value, dict):
            return {name: _resolved(inner) for name, inner in value.items()}
        return [_resolved(inner) for inner in value] if isinstance(value, list) else value

    def _resolved(inner: Any) -> Any:  # noqa: ANN401
        return value_at(int(inner)) if isinstance(inner, str) else inner

    return value_at(0)


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a request to a webhook of n8n, and give the status of the answer."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", address.path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def variables(folder: Path, port: int) -> dict[str, str]:
    """Give n8n's environment."""
    return (
        environment.minimal()
        | _SILENT
        | {
            "N8N_USER_FOLDER": str(folder),
            "N8N_HOST": HOST,
            "N8N_LISTEN_ADDRESS": HOST,
            "N8N_PORT": str(port),
            "N8N_RUNNERS_BROKER_PORT": str(free_port()),
            "N8N_RUNNERS_BROKER_LISTEN_ADDRESS": HOST,
            "N8N_SECURE_COOKIE": "false",
            "DB_SQLITE_POOL_SIZE": "2",
            "PATH": f"{environment.VENV_BIN}:{environment.minimal().get('PATH', '')}",
        }
    )


def command(folder: Path, log: Path, *arguments: str) -> str:
    """Run a command of n8n while n8n itself is down, and give what it prints."""
    argv = [environment.NODE, PROGRAM, *arguments]
    ended = subprocess.run(
        argv,
        env=variables(folder, free_port()),
        cwd=environment.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    log.write_text(ended.stdout + ended.stderr)
    if ended.returncode:
        raise Failure(f"n8n {arguments[0]} failed\n{tail(log)}")
    return ended.stdout


@contextmanager
def running_n8n(folder: Path, log: Path, port: int | None = None) -> Iterator[Instance]:
    """Run n8n with its files in a folder for as long as the block lasts."""
    if not PROGRAM.exists():
        raise Failure("n8n is not installed: make n8n installs it.")
    instance = Instance(port or free_port())
    argv = [str(environment.NODE), str(PROGRAM), "start"]
    with running(argv, variables(folder, instance.port), log, environment.ROOT) as process:
        until(lambda: process.poll() is not None or _is_ready(instance.port), START_SECONDS, "n8n's start", every=0.5)
        if process.poll() is not None:
            raise Failure(f"n8n ended at once\n{tail(log)}")
        yield instance


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz/readiness")
        return connection.getresponse().status == 200
    return False


def import_workflows(folder: Path, log: Path) -> str:
    """Import the workflows as they are into an n8n that is down, and give what n8n prints."""
    return command(folder, log, "import:workflow", "--separate", f"--input={RECEIVERS}")


def workflow(file: str) -> dict[str, Any]:
    """Give a workflow of `events/receivers/` as its file has it."""
    return json.loads((RECEIVERS / file).read_text())


def node(of: dict[str, Any], type_: str) -> dict[str, Any]:
    """Give a workflow's first node of a type."""
    return next(one for one in of["nodes"] if one["type"] == f"n8n-nodes-base.{type_}")


@contextmanager
def demo(port: int, folder: Path) -> Iterator[tuple[Instance, str]]:
    """Run an n8n that verifies what `make run` sends, and give the n8n and the URL to save on the owner's page.

    All workflows are in the n8n. The one that verifies the signature has the demo business's secret, and is published.
    """
    if not STATE.exists():
        raise Failure("Start `make run` first, and wait for the link: n8n verifies by the secret of its business.")
    secret = json.loads(STATE.read_text())["signing_secret"]
    with running_n8n(folder, environment.RUN / "n8n.log", port) as instance:
        instance.set_up()
        for path in sorted(RECEIVERS.glob("n8n*.json")):
            if path.name != VERIFYING:
                instance.ask("POST", "/rest/workflows", workflow(path.name))
        verifying = workflow(VERIFYING)
        node(verifying, "crypto")["credentials"] = instance.add_credential(
            "crypto", {"hmacSecret": secret_text(secret)}
        )
        instance.publish(verifying)
        path = node(verifying, "webhook")["parameters"]["path"]
        until(lambda: instance.is_listening(path), START_SECONDS, "the published workflow", every=0.2)
        yield instance, instance.webhook(path)


def main() -> int:
    """Run n8n for a person."""
    port = usable(int(os.environ.get("N8N_PORT") or PORT))
    folder = environment.RUN / "n8n"
    # What an n8n of before has kept is of another run's business.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print("Starting n8n, with the workflows of events/receivers ...", flush=True)
    with demo(port, folder) as (instance, url), suppress(KeyboardInterrupt):
        print(
            f"""
Save this URL on the owner's page, and press test:
  {url}
It is the workflow of {VERIFYING}, with the secret of the demo business. What n8n got is under Executions:
  {instance.url}   e-mail {ACCOUNT}   password {instance.password}

n8n runs until Ctrl-C, and keeps nothing.""",
            flush=True,
        )
        signal.pause()
    return 0


if __name__ == "__main__":
    as_command(main)
