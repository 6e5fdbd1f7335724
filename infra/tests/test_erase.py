"""`make erase`: what the system keeps of a business, or of one call, goes, and nothing else does.

One test runs the command as the operator runs it. A run takes about three seconds, since it waits for what the
dead-letter queue may still give.
"""

import io
import json
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from boto3.dynamodb.conditions import Key

from infra.fakes.receiver import Answer, Receiver
from infra.local import environment
from infra.local.processes import Failure, until
from infra.local.stack import Stack
from infra.ops import account
from infra.ops.erase.__main__ import erase_business, main, refuse
from infra.ops.erase.calls import event_id
from infra.ops.erase.tables import Tables

from .business import TestBusiness
from .logs import Confidential, log_lines
from .portal import Owner, Portal
from .queues import DeadLetters, wait_until_empty
from .test_portal_ranges import FOREVER, begun, in_order, when
from .waits import SECONDS

README = (environment.ROOT / "README.md").read_text()
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"


def make(stack: Stack, answer: str = "yes", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `make erase` with an answer on its standard input, without installing tools first."""
    # `make` reads a dollar sign only if it stands twice.
    arguments = [f"{name}={text.replace('$', '$$')}" for name, text in variables.items()]
    env = {name: text for name, text in os.environ.items() if name not in ("BUSINESS", "CALL", "STACK")}
    return subprocess.run(
        ["make", "--silent", "--old-file=setup", "erase", *arguments],
        cwd=environment.ROOT,
        env=env | environment.using(stack.endpoint),
        input=f"{answer}\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@pytest.fixture
def erased(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Give a function that runs the command here, without a process's start, and returns its output."""
    for name, value in environment.using(stack.endpoint).items():
        monkeypatch.setenv(name, value)

    def run(business: str, call: str | None = None) -> str:
        arguments = ["--business", business, *(["--call", call] if call else [])]
        monkeypatch.setattr("sys.argv", ["erase", *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
        assert main() == 0
        return capsys.readouterr().out

    return run


def records(business: TestBusiness) -> list[str]:
    """Give the event ids of all records of a business."""
    found = business.stack.deliveries.query(
        KeyConditionExpression=Key("business_id").eq(business.id), ConsistentRead=True
    )
    return [item["event_id"] for item in found["Items"]]


def settings(business: TestBusiness) -> dict[str, Any] | None:
    """Give the settings item of a business."""
    return business.stack.settings.get_item(Key={"business_id": business.id}, ConsistentRead=True).get("Item")


def dead(business: TestBusiness, body: object) -> str:
    """Put a message into the dead-letter queue, and return its text."""
    text = body if isinstance(body, str) else json.dumps(body)
    business.stack.queue.send_message(QueueUrl=business.stack.outputs["DeadLetterQueueUrl"], MessageBody=text)
    return text


def delivered(business: TestBusiness, *events: dict[str, Any]) -> None:
    """Publish events, and wait until all have arrived and are recorded."""
    business.answers(200)
    for event in events:
        business.publish(event)
    until(lambda: len(records(business)) == len(events), SECONDS, "a record of each event")
    wait_until_empty(business.stack)


def test_business_goes_whole_and_no_other_however_its_id_is_written(
    stack: Stack, receiver: Receiver, confidential: Confidential, dead_letters: DeadLetters, erased: Callable[..., str]
) -> None:
    odd = f"-עסק {uuid4().hex[:8]}/'\"`; #%$HOME\\"
    gone, longer, shorter = (TestBusiness(id_, stack, receiver, confidential) for id_ in (odd, f"{odd}2", odd[:-1]))
    for business in (gone, longer, shorter):
        delivered(business, business.call(), business.call())
    removed = dead(gone, gone.call())
    notice = json.dumps({"kind": "paused", "business_id": gone.id})
    failed = dead(gone, {"requestPayload": {"Records": [{"Sns": {"Message": notice}}]}})
    staying = [dead(longer, longer.call()), dead(shorter, shorter.call()), dead(gone, f"no JSON of {gone.id}")]

    for table in ("SettingsTableName", "DeliveriesTableName"):
        # MiniStack's CloudFormation leaves the tables without.
        stack.client("dynamodb").update_continuous_backups(
            TableName=stack.outputs[table], PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    refused = make(stack, "no", BUSINESS=gone.id)
    assert refused.returncode != 0
    assert refused.stdout.endswith("Nothing was removed.\n")
    assert "2 records in the ledger" in refused.stdout
    assert len(records(gone)) == 2
    assert settings(gone)

    ended = make(stack, BUSINESS=gone.id)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    output = ended.stdout
    assert "Removed: 2 records, the settings." in output
    assert "Removed from the dead-letter queue: 2 messages" in output
    assert "1 of its messages cannot be read and have the id in their text" in output
    for table in ("SettingsTableName", "DeliveriesTableName"):
        recovery = "by point-in-time recovery of 7 days, what was removed can be restored until"
        assert re.search(rf"{stack.outputs[table]}: {recovery} {TIME}\.", output)
    for copies in ("recovery points of AWS Backup", "exports to S3", "tables restored or retained beside"):
        assert copies in re.search(r"copies that this command does not look for: .*", output)[0]
        assert copies in README
    assert "SQS keeps a message for 14 days" in output
    assert re.search(rf"run the same command again after {TIME}, by when each hidden message has come back", output)
    assert re.search(rf"logs: ids and hosts, .* 30 days, the newest until {TIME}\.", output)
    assert (records(gone), settings(gone)) == ([], None)
    for business in (longer, shorter):
        assert len(records(business)) == 2
        assert settings(business)
    assert all(dead_letters.find(text) for text in staying), "the others can be received at once"
    assert dead_letters.find(removed) is None
    assert dead_letters.find(failed) is None
    assert "Removed: 0 records, no settings." in erased(gone.id), "a second run is no error"


def test_readme_names_the_permissions_of_the_calls_that_the_command_makes(
    business: TestBusiness, erased: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = set()
    make_client = account.client

    def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        made = make_client(service)
        # A batch of messages needs the permission for one.
        made.meta.events.register(
            "before-call", lambda model, **_: called.add(f"{service}:{model.name.removesuffix('Batch')}")
        )
        return made

    monkeypatch.setattr(account, "client", client)
    business.stack.deliveries.put_item(Item={"business_id": business.id, "event_id": "evt_1", "status": "held"})
    dead(business, business.call())
    dead(business, "{}")
    erased(business.id)
    [needed] = re.findall(r"(?s)The command needs (.*?)\. No function's role", README)
    named, service = set(), ""
    for prefix, action in re.findall(r"`(?:([a-z]+):)?([A-Z]\w+)`", needed):
        service = prefix or service
        named.add(f"{service}:{action}")
    assert named == called
    # Of these actions only this one takes no resource, by the Service Authorization Reference, "Actions, resources, and
    # condition keys for Amazon DynamoDB". A policy that names a table there allows nothing.
    assert re.findall(r"`(\w+)` on `\*`", needed) == ["ListBackups"]


def test_without_a_business_nothing_is_removed(stack: Stack) -> None:
    ended = make(stack)
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert ended.stderr.startswith("Usage: make erase BUSINESS=")


@pytest.mark.parametrize(
    ("business", "call"),
    [
        (None, None),
        ("", None),
        (None, "c-1"),
        ("b-1", ""),
        ("b-1", " "),
        (" ", None),
        ("\u0001sweep", None),
        ("b" * 129, None),
    ],
    ids=repr,
)
def test_what_names_no_business_or_an_empty_call_is_refused(business: str | None, call: str | None) -> None:
    with pytest.raises(Failure):
        refuse(business, call)


def test_every_record_of_a_call_goes_and_no_other(
    business: TestBusiness, another: TestBusiness, erased: Callable[..., str]
) -> None:
    call, other = business.call(), business.call()
    id_ = call["call_id"]
    noted = {"event_type": "note.added", "business_id": business.id, "call_id": id_, "note": "x"}
    booked = {"event_type": "appointment.booked", "business_id": business.id, "appointment_id": "a-1"}
    longer = business.call(call_id=f"{id_}0")
    quoted = business.call(transcript=f"Call {id_} was mine.")
    delivered(business, call, other, noted, booked | {"metadata": {"call_id": id_}}, longer, quoted)
    delivered(another, another.call(call_id=id_))
    staying = {event_id(business.id, one["call_id"]) for one in (other, longer, quoted)}
    reference = {"command": "deliver", "business_id": business.id, "event_id": event_id(business.id, id_)}
    dead(business, call)
    dead(business, reference)
    dead(business, other)

    assert id_ in {item["subject"]["S"] for item in of_phone(business, call["phone"])}
    output = erased(business.id, id_)
    assert "Removed: 3 records of the call." in output
    assert "Removed from the dead-letter queue: 2 messages" in output
    assert set(records(business)) == staying
    assert settings(business), "the settings of its business stay"
    assert records(another) == [event_id(another.id, id_)]
    assert "Removed: 0 records of the call." in erased(business.id, id_)


def tables_of(stack: Stack) -> Tables:
    """Give the tables as the command uses them."""
    names = [stack.outputs[name] for name in ("SettingsTableName", "DeliveriesTableName")]
    return Tables(stack.client("dynamodb"), *names)


def of_phone(business: TestBusiness, phone: str) -> list[dict[str, Any]]:
    """Find a person's calls by README's command."""
    [command] = re.findall(r"(?s)aws dynamodb query .*?```", README)
    given = dict(re.findall(r"--([a-z-]+) ('[^']*'|\S+)", command))
    names = {
        "IndexName": "index-name",
        "KeyConditionExpression": "key-condition-expression",
        "FilterExpression": "filter-expression",
        "ProjectionExpression": "projection-expression",
    }
    assert set(given) == {"table-name", "expression-attribute-values", *names.values()}
    values = json.loads(given["expression-attribute-values"].strip("'"))
    assert set(values) == {":b", ":d"}
    return business.stack.client("dynamodb").query(
        TableName=business.stack.outputs["DeliveriesTableName"],
        ExpressionAttributeValues={":b": {"S": business.id}, ":d": {"S": phone[-len(values[":d"]["S"]) :]}},
        **{name: given[option].strip("'") for name, option in names.items()},
    )["Items"]


def test_event_that_was_being_tried_is_held_without_its_business_and_sent_without_its_record(
    business: TestBusiness, another: TestBusiness, erased: Callable[..., str]
) -> None:
    business.answers(500)
    another.answers(500, 500, 500, 200)
    calls = {one: one.publish()["call_id"] for one in (business, another)}
    ids = {one: event_id(one.id, call) for one, call in calls.items()}
    for one, id_ in ids.items():
        # The longest step of this stack, six seconds, follows.
        until(lambda one=one, id_=id_: (one.record_of(id_) or {}).get("attempts") == 3, SECONDS, "three attempts")
    erase_business(tables_of(business.stack), business.id)
    of_call = erased(another.id, calls[another])
    assert "Removed: 1 record, the settings." in of_call, "printed by the line before"
    assert re.search(rf"1 of the events removed had a message there. It is attempted again at {TIME}, sent", of_call)

    assert business.logs(message="held", event_id=ids[business])
    business.recorded(ids[business], "held")
    assert len(business.received()) == 3, "nothing is sent any more"
    assert "Removed: 1 record, the settings." in erased(business.id)
    assert (records(business), settings(business)) == ([], None)

    assert another.recorded(ids[another], "delivered")["attempts"] == 1, "the record is a new one"
    another.resend(ids[another])
    assert another.receives(5)[4].body == another.received()[0].body, "and has the body"


def test_replay_goes_on_behind_records_that_are_removed_under_it(
    business: TestBusiness, another: TestBusiness, portal: Portal, dead_letters: DeadLetters
) -> None:
    held, ranged = business, Owner(another, portal)
    held.answers(410)
    held.publish()
    until(lambda: held.health().get("state") == "paused", SECONDS, "a paused endpoint")
    for _ in range(2):
        held.publish()
    until(lambda: len(held.held()) == 3, SECONDS, "three held events")
    delivered(another, *(another.call() for _ in range(3)))
    # The first event of each step is answered late, so that the second is removed after it was listed.
    listed = {held: held.held(), another: in_order(another)}
    for one, before in ((held, 1), (another, 3)):
        assert len(one.received()) == before
        one.receiver.script(one.path, *[Answer(500)] * before, Answer(200, delay_s=1.5), Answer(200))
    # Each replay begins right before its removal, so that the request for the other one takes none of that time.
    begin = {held: held.resume, another: lambda: begun(ranged, **FOREVER)}
    for one, before in ((held, 1), (another, 3)):
        begin[one]()
        one.receives(before + 1)
        key = {"business_id": one.id, "event_id": listed[one][1]}
        one.stack.deliveries.delete_item(Key=key)
    assert [when(ranged, "done")[name] for name in ("total", "done", "failed")] == [3, 3, 1]
    until(lambda: held.health() and "replay_id" not in held.health(), SECONDS, "the end of the replay")
    dead_letters.wait(listed[held][1])
    for one, before in ((held, 1), (another, 3)):
        first, lost, last, *_ = listed[one]
        assert one.arrived()[before : before + 2] == [first, last]
        assert lost not in records(one), "no record is made anew"
    lines = [line for line in log_lines(held.stack) if line.get("business_id") in (held.id, another.id)]
    assert {line["message"] for line in lines if line["level"] == "ERROR"} == {"not_kept"}
