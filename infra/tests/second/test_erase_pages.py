"""`make erase` where a business has more than a page of records, and where AWS leaves things out: on dynalite and moto.

The functions do not run here. Together these tests take about ten seconds.
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.second.resources import Resources
from infra.fakes.second.servers import running_servers
from infra.fakes.second.stack import Bare
from infra.fakes.second.template import Template
from infra.local.building import BUILT, build
from infra.local.processes import Failure
from infra.local.stack import LOCAL_PARAMETERS, Stack
from infra.ops.erase import dead_letters, remains, tables
from infra.ops.erase.__main__ import erase_business
from infra.ops.erase.dead_letters import Looked, Sought
from infra.ops.erase.tables import Tables
from infra.tests.conftest import LOGS

pytestmark = pytest.mark.second

LARGE = 300_000
"""The bytes of a body of which a page, a mebibyte, has no more than four."""


class Throttled:
    """A DynamoDB that leaves out all but the first request of a batch, so many times."""

    def __init__(self, dynamodb: Any, times: int) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
        self.times = times
        self._dynamodb = dynamodb

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Write a part of the batch."""
        if self.times == 0:
            return self._dynamodb.batch_write_item(RequestItems=RequestItems)
        self.times -= 1
        [(table, [first, *others])] = RequestItems.items()
        self._dynamodb.batch_write_item(RequestItems={table: [first]})
        return {"UnprocessedItems": {table: others} if others else {}}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Give any other call as it is."""
        return getattr(self._dynamodb, name)


@pytest.fixture(scope="module")
def aws() -> Iterator[tuple[Stack, dict[str, dict[str, str]]]]:
    """Give the template's tables and queues, and their names."""
    build()
    template = Template(BUILT / "template.yaml", LOCAL_PARAMETERS)
    with running_servers(LOGS / "second" / "erase_pages") as servers:
        bare = Bare("", {}, servers=servers)
        yield bare, Resources(template, bare.client).create()


@pytest.fixture
def dynamodb(aws: tuple[Stack, dict[str, dict[str, str]]]) -> Any:  # noqa: ANN401
    """Give the client of DynamoDB."""
    return aws[0].client("dynamodb")


def put(dynamodb: Any, business: str, count: int, size: int = 10) -> None:  # noqa: ANN401
    """Write an item of settings and so many records."""
    dynamodb.put_item(TableName="SettingsTable", Item={"business_id": {"S": business}})
    for number in range(count):
        record = {"business_id": {"S": business}, "event_id": {"S": f"evt_{number:032x}"}, "status": {"S": "held"}}
        body = {"B": os.urandom(size)}
        dynamodb.put_item(TableName="DeliveriesTable", Item=record | {"body": body})


def left(dynamodb: Any, business: str) -> tuple[int, bool]:  # noqa: ANN401
    """Count the records of a business, and tell whether it has settings."""
    of_stack = Tables(dynamodb, "SettingsTable", "DeliveriesTable")
    return len(list(of_stack.event_ids(business))), of_stack.has_settings(business)


def test_every_page_of_a_business_is_removed_and_of_a_call_read(
    dynamodb: Any,  # noqa: ANN401
    capsys: pytest.CaptureFixture[str],
) -> None:
    business = f"b-{uuid4().hex}"
    put(dynamodb, business, 9, LARGE)
    put(dynamodb, f"{business}1", 1)
    of_stack = Tables(dynamodb, "SettingsTable", "DeliveriesTable")
    count, more = of_stack.first_count(business)
    assert count < 9
    assert more, "the records are more than a page"
    assert of_stack.of_call(business, "c-1").unread == 9, "of bodies that cannot be read"
    erase_business(of_stack, business)
    assert "Removed: 9 records, the settings." in capsys.readouterr().out
    assert left(dynamodb, business) == (0, False)
    assert left(dynamodb, f"{business}1") == (1, True)


def test_what_dynamodb_leaves_out_of_a_batch_is_removed_later(
    dynamodb: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "PAUSES", [0.01] * len(tables.PAUSES))
    business = f"b-{uuid4().hex}"
    put(dynamodb, business, 60)
    slow = Throttled(dynamodb, times=8)
    of_stack = Tables(slow, "SettingsTable", "DeliveriesTable")
    assert list(of_stack.remove(business, of_stack.event_ids(business))) == [25, 25, 10]
    assert slow.times == 0
    assert left(dynamodb, business) == (0, True)


def test_removals_that_dynamodb_never_takes_end_the_command_and_another_run_goes_on(
    dynamodb: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "PAUSES", [0.01] * len(tables.PAUSES))
    business = f"b-{uuid4().hex}"
    put(dynamodb, business, 30)
    with pytest.raises(Failure, match="run the command again"):
        erase_business(Tables(Throttled(dynamodb, times=11), "SettingsTable", "DeliveriesTable"), business)
    assert left(dynamodb, business) == (30 - 11, False)
    erase_business(Tables(dynamodb, "SettingsTable", "DeliveriesTable"), business)
    assert left(dynamodb, business) == (0, False)


def test_all_dead_letters_are_looked_at_and_those_of_others_can_be_received_at_once(
    aws: tuple[Stack, dict[str, dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs, url = aws[0].queue, aws[1]["DeadLetterQueue"]["Ref"]
    for number in range(25):
        business = "gone" if number % 5 == 0 else "stays"
        event = {"event_type": "a.b", "business_id": business, "number": number}
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    assert dead_letters.remove(sqs, url, Sought("gone")) == Looked(removed=5, kept=20)
    bodies: set[str] = set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=30).get("Messages"):
        bodies |= {message["Body"] for message in messages}
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert len(bodies) == 20
    assert all("stays" in body for body in bodies)
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    monkeypatch.setattr(dead_letters, "MOST_SECONDS", -1)
    looked = dead_letters.remove(sqs, url, Sought("gone"))
    assert (looked.is_in_time, looked.is_complete) == (False, False), "there was no time"
    sqs.purge_queue(QueueUrl=url)


def test_message_that_somebody_else_has_received_is_not_said_to_be_gone(
    aws: tuple[Stack, dict[str, dict[str, str]]],
) -> None:
    sqs, url = aws[0].queue, aws[1]["DeadLetterQueue"]["Ref"]
    stack = remains.Stack("", url, "", "", {})

    def said(looked: Looked) -> str:
        return " ".join(remains.dead_letters(sqs, stack, looked, datetime(2026, 3, 1, 10, tzinfo=timezone.utc)))

    for business in ("gone", "stays"):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"event_type": "a.b", "business_id": business}))
    handles = {}
    for _ in range(2):
        [message] = sqs.receive_message(QueueUrl=url, VisibilityTimeout=30)["Messages"]
        handles[json.loads(message["Body"])["business_id"]] = message["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles["stays"], VisibilityTimeout=0)
    looked = dead_letters.remove(sqs, url, Sought("gone"))
    assert looked == Looked(removed=0, kept=1, hidden=1)
    assert not looked.is_complete
    assert "hidden and were not looked at, about 1 of them: run" in said(looked)
    assert "the same command again in 15 minutes, after 2026-03-01 10:15 UTC" in said(looked)
    assert "nothing any more" not in said(looked)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles["gone"], VisibilityTimeout=0)
    looked = dead_letters.remove(sqs, url, Sought("gone"))
    assert looked == Looked(removed=1, kept=1), "the messages that this command hides itself are not counted"
    assert looked.is_complete
    assert "dead-letter queue: nothing any more" in said(looked)


@pytest.mark.parametrize(
    ("body", "is_sought"),
    [
        ('{"business_id":"b-1","call_id":"c-1"}', True),
        ('{"business_id":"b-1","metadata":{"call_id":"c-1"}}', True),
        ('{"business_id":"b-1","metadata":["call_id","c-1"]}', False),
        ('{"business_id":"b-1","call_id":"c-10"}', False),
        ('{"business_id":"b-10","call_id":"c-1"}', False),
        ('{"command":"deliver","business_id":"b-1","event_id":"evt_1"}', True),
        ('{"command":"deliver","business_id":"b-1","event_id":"evt_2"}', False),
        ('{"command":"replay","business_id":"b-1","replay":1,"step":0}', False),
        ('{"requestPayload":{"Records":[{"Sns":{"Message":"{\\"business_id\\":\\"b-1\\"}"}}]}}', False),
        ('{"requestPayload":[{"Sns":1}]}', False),
        ('["b-1","c-1"]', None),
        ('{"call_id":"c-1', None),
        ("[" * 100_000 + '"c-1"', None),
        ("b-1", False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_message_is_judged_by_what_it_says(body: str, is_sought: bool | None) -> None:
    assert Sought("b-1", "c-1", frozenset({"evt_1"})).has(body) is is_sought


def test_ids_that_publishers_write_as_numbers_are_found() -> None:
    assert Sought("17").has('{"business_id":17}')
    assert Sought("17", "1042").has('{"business_id":17,"call_id":1042}')
    assert Sought("17", "1042").has('{"business_id":17.0,"call_id":1.042e3}'), "a whole number, however it is written"
    assert Sought("0", "123456789012345670000").has('{"business_id":-0.0,"call_id":1.2345678901234567e20}')
    assert not Sought("17").has('{"business_id":17.5}')
    assert not Sought("17", "1e21").has('{"business_id":17,"call_id":1e21}'), "deliver takes that for no id"
    assert not Sought("17", "c-1").has('{"business_id":17,"call_id":1e999}')
    assert not Sought("17").has('{"business_id":true}')
    assert Sought("1").has('{"business_id":true}') is False
