"""The workflows of `events/receivers/` in a real n8n, as URLs of businesses on the real stack.

Each test makes the choices that a workflow leaves to its owner (a credential, a channel), publishes it, and looks at
n8n's own record of each execution: which nodes ran, and with how many items. No node may call a service outside this
machine, so the nodes of Google, Slack and monday are switched off; n8n itself says whether their settings are complete.
"""

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from standardwebhooks import Webhook

from infra.fakes.receiver import Received
from infra.local import environment
from infra.local.business import new_signing_secret, secret_text
from infra.local.ministack import free_port
from infra.local.n8n import (
    PROGRAM,
    RECEIVERS,
    Execution,
    Instance,
    demo,
    import_workflows,
    node,
    post,
    running_n8n,
    workflow,
)
from infra.local.processes import Failure, running, until
from infra.local.run import STATE
from infra.local.stack import Stack
from infra.tests.business import TestBusiness, event_id_of
from infra.tests.waits import SECONDS

pytestmark = pytest.mark.n8n

FILES = sorted(RECEIVERS.glob("n8n*.json"))
GO_ON = "כאן ממשיכים"
HEADER = "X-Key"
RUN_SECONDS = 900
"""The bound of `make run`, which may have to build."""

MISSING = {
    "n8n.json": set(),
    "n8n_verify.json": {"crypto"},
    "n8n_header_auth.json": {"httpHeaderAuth"},
    "n8n_google_sheets.json": {"httpHeaderAuth", "googleSheetsOAuth2Api", "documentId"},
    "n8n_slack.json": {"httpHeaderAuth", "slackApi", "channelId"},
    "n8n_monday.json": {"httpHeaderAuth", "mondayComApi", "boardId", "groupId"},
}
"""What an owner has to choose before n8n publishes a workflow: nothing else may be missing."""


@pytest.fixture(scope="session")
def n8n(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    folder, logs = tmp_path_factory.mktemp("n8n"), tmp_path_factory.mktemp("n8n-logs")
    said = import_workflows(folder, logs / "import.log")
    assert f"Successfully imported {len(FILES)} workflows" in said
    with running_n8n(folder, logs / "n8n.log") as instance:
        instance.set_up()
        yield instance


class Receiving:
    """A published workflow with its URL."""

    def __init__(self, n8n: Instance, of: dict[str, Any]) -> None:
        self._n8n, self._seen = n8n, 0
        # A path of its own, since n8n publishes a path once.
        path = node(of, "webhook")["parameters"]["path"] = secrets.token_hex(8)
        self.url = n8n.webhook(path)
        self._id = n8n.publish(of)
        until(lambda: n8n.is_listening(path), SECONDS, "a published path", every=0.1)

    def execution(self) -> Execution:
        """Wait for the next execution."""

        def more() -> list[Execution]:
            return self._n8n.executions(self._id)[self._seen :]

        found = until(more, SECONDS, "an execution", every=0.3)[0]
        self._seen += 1
        return found

    def no_more(self) -> bool:
        """Tell whether n8n has begun no further execution."""
        return len(self._n8n.executions(self._id)) == self._seen


def verifying(n8n: Instance, secret: str, *, history: int | None = None) -> Receiving:
    """Publish the workflow that verifies the signature, with a business's secret."""
    of = workflow("n8n_verify.json")
    node(of, "crypto")["credentials"] = n8n.add_credential("crypto", {"hmacSecret": secret_text(secret)})
    if history is not None:
        node(of, "removeDuplicates")["parameters"]["options"]["historySize"] = history
    return Receiving(n8n, of)


def protected(n8n: Instance, of: dict[str, Any], value: str) -> Receiving:
    """Publish a workflow that asks for a header, with the choices that an owner makes."""
    credential = n8n.add_credential("httpHeaderAuth", {"name": HEADER, "value": value})
    node(of, "webhook")["credentials"] = credential
    return Receiving(n8n, of)


def test_each_workflow_misses_only_what_its_owner_has_to_choose(n8n: Instance) -> None:
    assert {path.name for path in FILES} == set(MISSING)
    imported = {one["name"] for one in n8n.ask("GET", "/rest/workflows")}
    assert {workflow(path.name)["name"] for path in FILES} <= imported
    for file, expected in MISSING.items():
        said = ""
        try:
            n8n.publish(workflow(file))
        except Failure as failure:
            said = str(failure).partition("stacktrace")[0]
        missing = re.findall(r"Missing required credential: (\w+)", said)
        for parameters in re.findall(r"Missing or invalid required parameters: ([\w, ]+)", said):
            missing += parameters.split(", ")
        assert set(missing) == expected, said
        assert bool(said) == bool(expected), said


def test_n8n_drops_nothing_of_a_workflow() -> None:
    packages = PROGRAM.parents[2]
    argv = [environment.NODE, Path(__file__).parent / "check.cjs", packages, *FILES]
    assert subprocess.run(argv, capture_output=True, text=True, check=True, timeout=SECONDS).stdout == ""


def forwarded(request: Received, url: str, body: bytes | None = None, **headers: str | None) -> int:
    """Send a request of `deliver` on to n8n, changed, and give the status of the answer."""
    changed = request.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {
        name: value for name, value in changed.items() if value is not None and name not in ("host", "content-length")
    }
    return post(url, request.body if body is None else body, kept)


def captured(business: TestBusiness, **settings: object) -> Received:
    """Let the business's own endpoint receive a call of `deliver`, and give the request."""
    business.answers(200, **settings)
    business.publish()
    return business.receives()[-1]


def test_signed_call_is_verified_and_a_forged_or_old_one_is_refused(n8n: Instance, business: TestBusiness) -> None:
    receiving = verifying(n8n, business.settings.signing_secret)
    request = captured(business)
    changed = request.body.replace(b"inbound", b"outbound")
    old = datetime.now(timezone.utc) - timedelta(minutes=6)
    stamp = str(int(old.timestamp()))
    signed_then = Webhook(business.settings.signing_secret).sign(event_id_of(request), old, request.body.decode())
    forgeries: list[dict[str, Any]] = [
        {"body": changed},
        {"webhook_timestamp": str(int(request.headers["webhook-timestamp"]) + 1)},
        {"webhook_id": "evt_" + "0" * 32},
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": None},
        {"webhook_timestamp": stamp},
        {"webhook_timestamp": stamp, "webhook_signature": signed_then},
        {"webhook_signature": None, "webhook_id": None, "webhook_timestamp": None},
    ]
    for forgery in forgeries:
        assert forwarded(request, receiving.url, **forgery) == 401, forgery
        execution = receiving.execution()
        assert execution.status == "success"
        assert GO_ON not in execution.items, forgery

    assert forwarded(request, receiving.url) == 200
    execution = receiving.execution()
    assert (execution.status, execution.items[GO_ON]) == ("success", 1)

    assert forwarded(request, receiving.url) == 200
    repeated = receiving.execution()
    assert repeated.status == "success"
    assert GO_ON not in repeated.items


def test_call_goes_from_the_queue_to_a_verifying_n8n_and_a_resend_is_ignored(
    n8n: Instance, business: TestBusiness
) -> None:
    receiving = verifying(n8n, business.settings.signing_secret)
    business.settings.at(receiving.url).save(business.stack)
    business.publish(
        business.call(metadata={"10": 1.5, "b": [1, {"c": None}], "a": 2**53 + 1, "n": -0.0, "s": '"\\\u2028😀'})
    )
    event_id = business.logs(message="delivered", status_code=200)["event_id"]
    assert receiving.execution().items[GO_ON] == 1
    business.recorded(event_id, "delivered")
    business.resend(event_id)
    repeated = receiving.execution()
    assert repeated.status == "success"
    assert GO_ON not in repeated.items


def test_wrong_secret_costs_no_call_and_both_secrets_work_during_a_rotation(
    n8n: Instance, business: TestBusiness
) -> None:
    known, other = business.settings.signing_secret, new_signing_secret()
    business.confidential.add(other)
    receiving = verifying(n8n, known)
    settings = business.settings.at(receiving.url)
    settings.save(business.stack, signing_secret=other)
    event = business.publish()
    business.logs(message="retrying", status_code=401)
    assert GO_ON not in receiving.execution().items
    settings.save(
        business.stack,
        signing_secret=other,
        previous_signing_secret=known,
        previous_signing_secret_expires_at=int(datetime.now(timezone.utc).timestamp()) + 3600,
    )
    business.logs(message="delivered", status_code=200)
    until(lambda: receiving.execution().items.get(GO_ON) == 1, SECONDS, f"the call {event['call_id']}")


def test_full_history_lets_calls_through_instead_of_losing_them(n8n: Instance, business: TestBusiness) -> None:
    receiving = verifying(n8n, business.settings.signing_secret, history=1)
    for _ in range(3):
        assert forwarded(captured(business), receiving.url) == 200
        execution = receiving.execution()
        assert (execution.status, execution.items[GO_ON]) == ("success", 1)


def test_header_auth_takes_the_owners_header_and_nothing_else(n8n: Instance, business: TestBusiness) -> None:
    value = secrets.token_urlsafe(24)
    business.confidential.add(value)
    receiving = protected(n8n, workflow("n8n_header_auth.json"), value)
    request = captured(business, static_header_name=HEADER, static_header_value=value)
    for wrong in (None, "", value + "x", value[:-1]):
        assert forwarded(request, receiving.url, x_key=wrong) == 403, wrong
    assert receiving.no_more()
    business.settings.at(receiving.url).save(business.stack, static_header_name=HEADER, static_header_value=value)
    key = f"call.completed\n{business.id}\n{business.publish()['call_id']}"
    event_id = "evt_" + hashlib.sha256(key.encode()).hexdigest()[:32]
    assert receiving.execution().items[GO_ON] == 1
    business.recorded(event_id, "delivered")
    business.resend(event_id)
    assert GO_ON not in receiving.execution().items


def text_of(value: object) -> str:
    """Give a text as it is, and any other value as JSON.stringify writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def first(body: dict[str, Any], *names: str) -> str:
    """Give the text of the first of these fields that has a value."""
    return text_of(next((body[name] for name in names if body.get(name)), ""))


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def is_row(body: dict[str, Any], given: dict[str, Any]) -> None:
    """Check the row for Google Sheets."""
    assert given["סוג"] == body["event_type"]
    assert given["טלפון"] == first(body, "phone", "lead_phone")
    assert given["שם"] == first(body, "name", "lead_name")
    assert given["סיכום"] == first(body, "summary", "notes", "service", "new_status")
    assert given["תמליל"] == text_of(body.get("transcript", ""))[:49_000]
    assert json.loads(given["עוד פרטים"]) == body.get("metadata", {})
    assert given["משך בשניות"] == text_of(body.get("duration_sec", ""))
    if at := first(body, "started_at", "ended_at", "scheduled_at", "changed_at"):
        local = datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone(ZoneInfo("Asia/Jerusalem"))
        assert given["מתי"] == local.strftime("%Y-%m-%d %H:%M")
    else:
        assert given["מתי"] == ""


def is_message(body: dict[str, Any], given: dict[str, Any]) -> None:
    """Check the message for Slack."""
    beginning, who, *rest = given["text"].split("\n", 2)
    assert re.match(r"\*[^*]+\*  (\d{4}-\d\d-\d\d \d\d:\d\d)?$", beginning)
    assert who == escaped(f"{first(body, 'name', 'lead_name')} {first(body, 'phone', 'lead_phone')}".strip())
    assert rest == [escaped(first(body, "summary", "notes", "service", "new_status"))]


def is_item(body: dict[str, Any], given: dict[str, Any]) -> None:
    """Check the item and its update for monday."""
    name = first(body, "name", "lead_name", "phone", "lead_phone") or body["event_type"]
    text = first(body, "summary", "notes", "service", "new_status")
    assert given["name"] == f"{name} – {text}".replace("\n", " ")[:200]
    parts = [first(body, "phone", "lead_phone"), text, text_of(body.get("transcript", ""))]
    assert given["update"] == escaped("\n".join(filter(None, parts))).replace("\n", "<br>")


@pytest.mark.parametrize(
    ("file", "type_", "prepared", "check"),
    [
        ("n8n_google_sheets.json", "googleSheets", "שורה", is_row),
        ("n8n_slack.json", "slack", "הודעה", is_message),
        ("n8n_monday.json", "mondayCom", "פריט", is_item),
    ],
    ids=["google_sheets", "slack", "monday"],
)
def test_workflow_of_a_tool_prepares_each_type_of_event(
    n8n: Instance,
    business: TestBusiness,
    file: str,
    type_: str,
    prepared: str,
    check: Callable[[dict[str, Any], dict[str, Any]], None],
) -> None:
    value = secrets.token_urlsafe(24)
    business.confidential.add(value)
    of = workflow(file)
    for one in of["nodes"]:
        one["disabled"] = one["type"] == f"n8n-nodes-base.{type_}"
    receiving = protected(n8n, of, value)
    business.settings.at(receiving.url).save(business.stack, static_header_name=HEADER, static_header_value=value)
    events = [json.loads(path.read_text()) for path in sorted((environment.ROOT / "events" / "samples").glob("*.json"))]
    events.append(business.call(name="<@U1>, &", summary="<!channel> & <b>\nשורה שנייה", transcript="a\n<script>"))
    # A type of no schema may have values of any type in fields of these names.
    odd = {
        "summary": {"a": [1]},
        "transcript": 7,
        "name": 12,
        "phone": ["1"],
        "agent_name": None,
        "duration_sec": "long",
    }
    events.append({"event_type": "quote.requested"} | odd)
    for event in events:
        business.publish(event | {"business_id": business.id})
        execution = receiving.execution()
        assert execution.status == "success"
        [given], [arrived] = execution.outputs[prepared], execution.outputs["Webhook"]
        check(arrived["body"], given)


def test_workflow_stands_the_program_that_tries_receivers(n8n: Instance, business: TestBusiness) -> None:
    secret, value = business.settings.signing_secret, secrets.token_urlsafe(24)
    signed, with_header = verifying(n8n, secret), protected(n8n, workflow("n8n_header_auth.json"), value)
    for arguments in ([signed.url, secret], [with_header.url, "--header", f"{HEADER}: {value}"]):
        ended = subprocess.run(
            [sys.executable, RECEIVERS / "try.py", *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_readmes_way_from_make_run_to_a_real_n8n(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    argv = [sys.executable, "-m", "infra.local.run"]
    with running(argv, dict(os.environ) | {"BUILD": "debug"}, log, environment.ROOT) as run:
        until(lambda: run.poll() is not None or "Connect a receiver" in log.read_text(), RUN_SECONDS, "make run")
        assert run.poll() is None, log.read_text()
        state = json.loads(STATE.read_text())
        secret, stack = state["signing_secret"], Stack(state["endpoint"], state["outputs"])
        with demo(free_port(), tmp_path) as (instance, url):
            [published] = [one for one in instance.ask("GET", "/rest/workflows") if one["active"]]
            stack.settings.update_item(
                Key={"business_id": "demo"},
                UpdateExpression="SET generic_webhook_url = :url",
                ExpressionAttributeValues={":url": url},
            )
            event = json.loads((environment.ROOT / "events" / "samples" / "call.completed.short.json").read_text())
            event |= {"business_id": "demo", "call_id": secrets.token_hex(8)}
            stack.queue.send_message(QueueUrl=stack.outputs["EventsQueueUrl"], MessageBody=json.dumps(event))
            [execution] = until(lambda: instance.executions(published["id"]), SECONDS, "an execution", every=0.3)
            assert (execution.status, execution.items[GO_ON]) == ("success", 1)
            ended = subprocess.run(
                [sys.executable, RECEIVERS / "try.py", url, secret], capture_output=True, text=True, check=False
            )
            assert ended.returncode == 0, ended.stdout
