"""The two pages for receivers, `events/README.md` and `events/llms.txt`: their facts, and the receivers in them."""

import base64
import hashlib
import hmac
import json
import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from standardwebhooks import Webhook

from infra.fakes.receiver import Answer, Receiver
from infra.local import environment
from infra.local.business import new_signing_secret
from infra.local.ministack import HOST, free_port
from infra.local.processes import running, until

from .business import TestBusiness, event_id_of
from .template import original
from .waits import SECONDS

EVENTS = environment.ROOT / "events"
README = (EVENTS / "README.md").read_text()
LLMS = (EVENTS / "llms.txt").read_text()
TRY = EVENTS / "receivers" / "try.py"
SCHEMAS = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in EVENTS.glob("schemas/*")}
TYPED = [name for name in SCHEMAS if name != "event"]


def block(language: str) -> str:
    """Give the page's only block of a language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```", LLMS, re.MULTILINE | re.DOTALL)
    return found


def json_type(schema: dict[str, Any], field: str) -> str:
    """Give the JSON type of a field of a schema."""
    described = schema["properties"][field]
    return described.get("type", "string")  # A constant and a time are strings.


def rows(page: str, heading: str) -> list[list[str]]:
    """Give the cells of the first table behind a heading."""
    behind = page[page.index(f"\n{heading}\n") :]
    [table] = re.findall(r"\n\n\|[^\n]*\n\|[-|]*\n((?:\|[^\n]*\n)+)", behind)[:1]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


@pytest.mark.parametrize("event_type", TYPED)
def test_readme_has_the_fields_of_each_schema_with_their_types_in_their_order(event_type: str) -> None:
    schema = SCHEMAS[event_type]
    assert list(schema["properties"]) == schema["required"], "every field is always there"
    fields = {name: type_ for name, type_, *_ in rows(README, f"### {event_type}")}
    assert fields == {name: json_type(schema, name) for name in schema["required"]}
    required = {name for name, _, rule in rows(README, f"### {event_type}") if "required" in rule}
    assert required | {"agent_name"} >= never_empty(schema) - {"direction"}
    assert required == {name for name in never_empty(schema) if name not in ("agent_name", "direction")}


def never_empty(schema: dict[str, Any]) -> set[str]:
    """Give the fields whose string is never empty."""
    return {name for name, field in schema["properties"].items() if field.keys() & {"minLength", "const", "enum"}}


def test_llms_page_has_the_fields_of_each_schema() -> None:
    table = {row[0].strip("`"): row[-1] for row in rows(LLMS, "## Body")}
    assert {name: table[name].split(", ") for name in TYPED} == {name: SCHEMAS[name]["required"] for name in TYPED}
    types = {name: json_type(schema, name) for schema in SCHEMAS.values() for name in schema["properties"]}
    assert {name: type_ for name, type_ in types.items() if type_ != "string"} == {
        "duration_sec": "integer",
        "metadata": "object",
    }
    assert "All are strings but `duration_sec` (integer, 0 or more) and `metadata` (object, `{}` if empty)." in LLMS
    said = (
        "Never empty: event_type, business_id, call_id of a call, lead_id of `lead.created` and `lead.status_changed`, "
        "appointment_id, agent_name."
    )
    assert said in " ".join(LLMS.split())
    assert {name: never_empty(SCHEMAS[name]) - {"event_type", "business_id"} for name in TYPED} == {
        "call.completed": {"call_id", "agent_name", "direction"},
        "lead.created": {"lead_id"},
        "appointment.booked": {"appointment_id"},
        "lead.status_changed": {"lead_id"},
    }


def test_vector_of_the_llms_page_is_right() -> None:
    body = block("json").removesuffix("\n")
    event, vector = json.loads(body), dict(line.split() for line in block("text").splitlines())
    jsonschema.validate(event, SCHEMAS["call.completed"])
    assert body == json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    assert f"UTF-8, {len(body.encode())} bytes" in LLMS
    key = "\n".join([event["event_type"], event["business_id"], event["call_id"]])
    assert vector["webhook-id"] == "evt_" + hashlib.sha256(key.encode()).hexdigest()[:32]
    signed = f"{vector['webhook-id']}.{vector['webhook-timestamp']}.{body}"
    digest = hmac.digest(base64.b64decode(vector["secret"].removeprefix("whsec_")), signed.encode(), "sha256")
    assert vector["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def source(path: str, name: str) -> int:
    """Give the number of a constant of the Rust sources."""
    text = (environment.ROOT / path).read_text()
    found = re.search(rf"\b{name}: \w+ = (?:Duration::from_secs\()?([\d_ *]+)\)?;", text)
    assert found, name
    product = 1
    for factor in found[1].split("*"):
        product *= int(factor)
    return product


def duration(seconds: int) -> str:
    """Give a delay as the page writes it."""
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds / 3600:g} h"


def test_figures_of_the_llms_page_are_those_of_the_system() -> None:
    parameters = original()["Parameters"]
    default = {name: str(parameter.get("Default", "")) for name, parameter in parameters.items()}
    steps = [int(step) for step in default["RetryScheduleSeconds"].split(",")]
    attempts = int(default["MaxAttempts"])
    delays = [steps[min(index, len(steps) - 1)] for index in range(attempts - 1)]
    units = [
        f"{step} s" if step < 60 else f"{step // 60} min" if step < 3600 else f"{step / 3600:g} h" for step in steps
    ]
    text = " ".join(LLMS.split())
    said = (
        f"{', '.join(units[:-1])}, then {units[-1]} each: {attempts} attempts in about {sum(delays) / 3600:.0f} hours"
    )
    http = "shared/adapters/src/http.rs"
    for sentence in (
        said,
        f"any 2xx within {default['AttemptTimeoutSeconds']} seconds",
        f"at most {steps[-1] / 3600:g} hours",
        f"{source(http, 'MAX_RESPONSE_BYTES') // 1024} KiB of your answer are read",
        f"The first {source(http, 'MAX_SNIPPET_BYTES') // 1024} KiB is shown",
        f"Connecting has {source(http, 'CONNECT_TIMEOUT')} of the {default['AttemptTimeoutSeconds']} seconds",
        f"After {source('shared/domain/src/endpoint/state.rs', 'FAILURES_TO_FAILING')} failures in a row",
    ):
        assert sentence in text, sentence


def test_llms_page_is_short_enough_to_be_read_whole() -> None:
    assert len(LLMS.split()) < 2_500


@contextmanager
def receiver_of_the_page(secret: str, folder: Path) -> Iterator[str]:
    """Run the whole receiver that the page has, and give its URL."""
    (folder / "receiver.mjs").write_text(block("js"))
    port = free_port()
    env = environment.minimal() | {"WEBHOOK_SECRET": secret, "PORT": str(port), "DATABASE": str(folder / "events.db")}
    with running([str(environment.NODE), str(folder / "receiver.mjs")], env, folder / "log", folder):
        until(lambda: is_listening(port), SECONDS, "the page's receiver")
        yield f"http://{HOST}:{port}/"


def is_listening(port: int) -> bool:
    """Tell whether something listens on a port."""
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


def stored(folder: Path) -> list[str]:
    """Give the ids that the page's receiver has stored."""
    with closing(sqlite3.connect(folder / "events.db", timeout=SECONDS)) as database:
        return [id_ for (id_,) in database.execute("SELECT id FROM events ORDER BY rowid")]


def tries(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program that tries a receiver."""
    return subprocess.run([sys.executable, TRY, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_receiver_of_the_llms_page_is_a_right_one(business: TestBusiness, tmp_path: Path) -> None:
    secret = business.settings.signing_secret
    with receiver_of_the_page(secret, tmp_path) as url:
        ended = tries(url, secret)
        assert ended.returncode == 0, ended.stdout
        assert ended.stdout.count("right  ") == 13
        # The call, which came several times, the other type, and the long call.
        assert len(stored(tmp_path)) == 3

        business.settings.at(url).save(business.stack)
        business.publish()
        event_id = business.logs(message="delivered", status_code=204)["event_id"]
        business.recorded(event_id, "delivered")
        business.resend(event_id)
        until(lambda: business.record_of(event_id)["attempts"] == 2, SECONDS, "the second time")
        assert stored(tmp_path)[3:] == [event_id]

        business.settings.at(url).save(business.stack, signing_secret=new_signing_secret())
        business.publish()
        business.logs(message="retrying", status_code=401)
        assert len(stored(tmp_path)) == 4
    assert "rror" not in (tmp_path / "log").read_text()


def test_receiver_of_the_llms_page_does_not_start_without_a_secret(tmp_path: Path) -> None:
    (tmp_path / "receiver.mjs").write_text(block("js"))
    for secret in ("", "whsec_", "TWZLUTlyOEdLWXFyVHdqVVBEOElMUFpJbzJMYUxhU3c="):
        env = environment.minimal() | {"WEBHOOK_SECRET": secret, "DATABASE": ":memory:", "PORT": "0"}
        argv = [str(environment.NODE), str(tmp_path / "receiver.mjs")]
        ended = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=SECONDS)
        assert ended.returncode != 0
        assert "WEBHOOK_SECRET is not whsec_..." in ended.stderr


def test_request_of_the_llms_page_is_right(tmp_path: Path) -> None:
    secret = new_signing_secret()
    (tmp_path / "body.json").write_text(block("json").removesuffix("\n"))
    with receiver_of_the_page(secret, tmp_path) as url:
        for given, status in ((secret, "204"), (new_signing_secret(), "401")):
            env = environment.minimal() | {"WEBHOOK_SECRET": given, "URL": url}
            argv = ["bash", "-ec", block("sh")]
            ended = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
            assert f"HTTP/1.1 {status} " in ended.stdout, ended.stderr
        assert stored(tmp_path) == ["evt_try"]


PHP_RUNNER = """
[, $secret, $id, $time, $signature] = $argv;
echo is_from_prosaas($secret, $id, $time, $signature, file_get_contents('php://stdin')) ? 'right' : 'wrong';
"""


def verified_in_python(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Verify by the page's function in Python."""
    names: dict[str, Any] = {}
    exec(block("python"), names)
    return names["is_from_prosaas"](secret, headers, body)


def verified_in_php(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Verify by the page's function in PHP."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    argv = ["php", "-r", block("php") + PHP_RUNNER, "--", secret, *(headers.get(name, "") for name in names)]
    printed = subprocess.run(argv, input=body, capture_output=True, check=True, timeout=60).stdout
    return {b"right": True, b"wrong": False}[printed]


@pytest.mark.parametrize("is_right", [verified_in_python, verified_in_php])
def test_verifications_of_the_llms_page_are_right(is_right: Callable[[str, dict[str, str], bytes], bool]) -> None:
    secret, body = new_signing_secret(), block("json").removesuffix("\n").encode()

    def signed(age: int = 0) -> dict[str, str]:
        time_ = int(time.time()) - age
        at = datetime.fromtimestamp(time_, timezone.utc)
        signature = Webhook(secret).sign("evt_try", at, body.decode())
        return {"webhook-id": "evt_try", "webhook-timestamp": str(time_), "webhook-signature": signature}

    headers = signed()
    assert is_right(secret, headers, body)
    assert is_right(secret, headers | {"webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}, body)
    assert not is_right(secret, headers, body.replace(b"demo", b"demi"))
    assert not is_right(secret, headers | {"webhook-id": "evt_other"}, body)
    assert not is_right(new_signing_secret(), headers, body)
    assert not is_right(secret, signed(age=301), body)
    for name in headers:
        assert not is_right(secret, {key: value for key, value in headers.items() if key != name}, body)


def test_headers_of_the_llms_page_are_those_of_a_request(business: TestBusiness) -> None:
    business.answers(200)
    business.publish()
    [request] = business.receives()
    named = {name.lower() for name in re.findall(r"^\| `([\w-]+)`", LLMS, re.MULTILINE)}
    named |= {name.lower() for name in re.findall(r"^\| .*?, `([\w-]+)`", LLMS, re.MULTILINE)}
    ordinary = {"content-type", "content-length", "user-agent", "accept", "host"}
    assert set(request.headers) - ordinary <= named
    assert event_id_of(request).startswith("evt_")


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ([new_signing_secret()], 7),
        (["--header", "X-Key: v"], 2),
    ],
    ids=["signature", "header"],
)
def test_program_finds_a_receiver_that_verifies_nothing(receiver: Receiver, arguments: list[str], wrong: int) -> None:
    ended = tries(receiver.script(f"/open/{wrong}", Answer(200)), *arguments)
    assert (ended.returncode, ended.stdout.count("WRONG  ")) == (1, wrong), ended.stdout
    assert ended.stdout.endswith("answers are wrong.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["receiver.example/hook", new_signing_secret()], "begins with https://"),
        (["https://receiver.example/", "M9LQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "whsec_ and the base64 of 32 bytes"),
        (["https://receiver.example/", "whsec_"], "whsec_ and the base64 of 32 bytes"),
        (["https://receiver.example/"], "give the secret, the header, or both"),
    ],
    ids=["scheme", "text", "empty", "nothing"],
)
def test_program_says_what_is_wrong_with_its_arguments(arguments: list[str], said: str) -> None:
    ended = tries(*arguments)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_program_finds_a_receiver_that_refuses_all_redirects_or_is_slow(receiver: Receiver) -> None:
    secret = new_signing_secret()
    refusing = tries(receiver.script("/refusing", Answer(401)), secret)
    assert refusing.stdout.count("WRONG  ") == 6, refusing.stdout
    assert "No right request was taken." in refusing.stdout
    gone = tries(receiver.script("/gone", Answer(410)), secret)
    assert gone.stdout.count("WRONG  ") == 13
    redirect = Answer(302, headers={"Location": receiver.url + "/elsewhere"})
    redirecting = tries(receiver.script("/redirecting", redirect), secret)
    assert redirecting.stdout.count("WRONG  ") == 13
    assert receiver.at("/elsewhere") == []
    slow = tries(receiver.script("/slow", Answer(200, delay_s=0.6)), "--header", "X-Key: v")
    assert slow.stdout.count("slow: answer first") == 6, slow.stdout
