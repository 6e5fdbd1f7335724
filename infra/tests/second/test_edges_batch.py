"""The messages of one batch: copies are delivered one after the other, and a slow message delays no other."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from infra.fakes.aws_errors import AwsResponse
from infra.fakes.aws_proxy import RECORD_WRITES, Call, Forward, Gate, broken, late, unprocessed
from infra.fakes.receiver import Answer, Manner
from infra.fakes.second.mapping import Batch
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness
from infra.tests.queues import short_visibility

pytestmark = [pytest.mark.second, pytest.mark.edges]

ATTEMPT_SECONDS = 2
PARAMETERS = {
    "RetryScheduleSeconds": "1",
    "MaxAttempts": "16",
    "AttemptTimeoutSeconds": str(ATTEMPT_SECONDS),
    "MaximumConcurrency": "4",
}
INVOCATION_SECONDS = ATTEMPT_SECONDS + 8
"""Enough for an attempt to begin: its own time, the function's five seconds, one to answer, and two for the reads."""

VISIBILITY_SECONDS = INVOCATION_SECONDS + 4
"""The time after which a message of a killed invocation returns at the latest."""


@pytest.fixture(scope="module", autouse=True)
def _short_visibility(second: SecondStack) -> Iterator[None]:
    with short_visibility(second, VISIBILITY_SECONDS):
        yield


def batch_of(second: SecondStack, text: str) -> Batch:
    """Wait for the end of the first invocation with a message that contains a text, and return it."""

    def find() -> Batch | None:
        ended = (batch for batch in second.batches if batch.seconds is not None)
        return next((batch for batch in ended if any(text in record["body"] for record in batch.records)), None)

    return second.until(find, "the invocation")


def calls_of(business: TestBusiness) -> Counter[str]:
    """Count the requests of each call."""
    return Counter(json.loads(request.body)["call_id"] for request in business.received())


def test_six_copies_of_an_event_in_one_batch_are_posted_once(business: TestBusiness, second: SecondStack) -> None:
    business.answers(Answer(200, delay_s=0.3))
    event = business.call()
    second.publish_together(*[event] * 6)
    assert len(batch_of(second, event["call_id"]).records) == 6
    second.until(second.is_idle, "the end of all work")
    assert calls_of(business) == {event["call_id"]: 1}


def test_batch_is_published_alone_when_a_message_becomes_visible_meanwhile(
    business: TestBusiness, second: SecondStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    business.answers(200)
    count = SecondStack.counts
    earlier: list[dict[str, Any]] = []

    def counts(stack: SecondStack) -> dict[str, int]:
        if not earlier:
            earlier.append(business.publish())
        return count(stack)

    monkeypatch.setattr(SecondStack, "counts", counts)
    events = [business.call() for _ in range(2)]
    second.publish_together(*events)
    assert len(batch_of(second, events[0]["call_id"]).records) == 2
    assert len(batch_of(second, earlier[0]["call_id"]).records) == 1
    second.until(second.is_idle, "the end of all work")


def test_copies_among_other_events_of_a_batch_are_posted_once(business: TestBusiness, second: SecondStack) -> None:
    business.answers(Answer(200, delay_s=0.3))
    first, then = business.call(), business.call()
    second.publish_together(first, then, first, then, business.call(), first, then, business.call(), first)
    second.until(second.is_idle, "the end of all work")
    assert calls_of(business)[first["call_id"]] == 1
    assert calls_of(business)[then["call_id"]] == 1
    assert calls_of(business).total() == 4


def is_of_many(call: Call) -> bool:
    """Whether a BatchGetItem reads for several events."""
    return any(len(request["Keys"]) > 1 for request in call.parameters["RequestItems"].values())


@pytest.mark.parametrize("way", ["answered", "broken", "records left out", "too late"])
def test_one_read_serves_a_batch_and_each_event_is_read_alone_where_that_fails(
    business: TestBusiness, another: TestBusiness, second: SecondStack, way: str
) -> None:
    faults = {
        "answered": None,
        "broken": broken,
        "records left out": unprocessed(second.outputs["DeliveriesTableName"]),
        "too late": late(1.2),
    }

    async def fault(call: Call, forward: Forward) -> AwsResponse | None:
        of_way = faults[way] if is_of_many(call) else None
        reads.append(is_of_many(call))
        return await (of_way(call, forward) if of_way else forward())

    reads: list[bool] = []
    for each in (business, another):
        each.answers(200)
    events = [each.call() for _ in range(5) for each in (business, another)]
    with second.proxy.rule(fault, "BatchGetItem"):
        second.publish_together(*events)
        batch_of(second, events[-1]["call_id"])
        second.until(second.is_idle, "the end of all work")
    assert (calls_of(business) + calls_of(another)) == {event["call_id"]: 1 for event in events}
    assert reads.count(False) == (0 if way == "answered" else len(events))
    # The SDK tries a broken call again.
    assert reads.count(True) >= 1 if way == "broken" else reads.count(True) == 1


def test_message_that_takes_too_long_leaves_its_neighbours_acknowledged(
    business: TestBusiness, another: TestBusiness, second: SecondStack
) -> None:
    business.answers(Answer(manner=Manner.HANG), 200)
    another.answers(200)
    hanging, neighbours = business.call(), [another.call() for _ in range(9)]
    # Neither its receiver nor the ledger answers. Each wait has a bound, but together they are too long.
    gate = Gate()
    with second.deliver.timeout(INVOCATION_SECONDS), second.proxy.rule(gate, *RECORD_WRITES, about=business.id):
        second.publish_together(*neighbours[:4], hanging, *neighbours[4:])
        batch = batch_of(second, hanging["call_id"])
    assert batch.error is None, "the invocation ended in time"
    assert len(batch.records) == 10
    kept = [record["body"] for record in batch.records if record["messageId"] in batch.kept]
    assert [json.loads(body)["call_id"] for body in kept] == [hanging["call_id"]]
    business.receives(2)
    second.until(second.is_idle, "the end of all work")
    assert calls_of(another) == {call["call_id"]: 1 for call in neighbours}
    assert calls_of(business) == {hanging["call_id"]: 2}
    assert second.deliver.killed == 0
