"""Endpoints that take long: how many attempts wait for one at a time, in all environments together.

On a stack of its own with many environments. Its receiver knows from when to when each request was under way.
"""

import time
from collections.abc import Iterator

import pytest

from infra.fakes.receiver import Answer, Manner, Receiver, running_receiver
from infra.local.processes import until
from infra.local.stack import Stack, build, running_stack
from infra.measure.load import Load, in_flight

from .business import TestBusiness
from .conftest import LOGS
from .logs import Confidential
from .queues import wait_until_empty
from .waits import SECONDS

pytestmark = pytest.mark.alone

ATTEMPT_SECONDS = 4
PARAMETERS = {
    "RetryScheduleSeconds": "1,1,2",
    "MaxAttempts": "30",
    "AttemptTimeoutSeconds": str(ATTEMPT_SECONDS),
    "MaximumConcurrency": "30",
}
AT_ONCE = 5
PACE = 20
"""Events a second."""

UNTIL_TOLD_SECONDS = 1.5
"""The time from the beginning of an attempt until every environment knows that it waits."""


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    """Give the stack, its receiver, and what is published there."""
    build()
    with running_receiver() as receiver, running_stack(PARAMETERS, logs=LOGS / "waiting") as stack:
        yield Load(stack, receiver)


def statuses(stack: Stack, business_id: str) -> list[str]:
    """Give what the ledger says of each event of a business."""
    pages = stack.deliveries.meta.client.get_paginator("query").paginate(
        TableName=stack.deliveries.name,
        KeyConditionExpression="business_id = :business",
        ExpressionAttributeValues={":business": business_id},
        ConsistentRead=True,
    )
    return [item["status"] for page in pages for item in page["Items"]]


def test_200_events_of_an_endpoint_that_hangs_have_few_attempts_and_all_arrive_once_it_is_well(load: Load) -> None:
    [hanging] = load.businesses(1, Answer(manner=Manner.HANG))
    load.publish([hanging] * 200, pace=PACE)
    until(lambda: statuses(load.stack, hanging).count("held") == 199, SECONDS, "199 held events", every=0.5)
    attempts = load.attempts(hanging)
    first = attempts[0].began
    # Until one has failed.
    later = [span for span in attempts if first + UNTIL_TOLD_SECONDS < span.began < first + ATTEMPT_SECONDS]
    assert later == [], "nothing begins while five wait"
    assert in_flight(attempts) <= AT_ONCE + PACE * UNTIL_TOLD_SECONDS
    load.answer(hanging, Answer(200))
    taken = until(lambda: _all_taken(load, hanging, 200), 2 * SECONDS, "200 arrivals", every=0.5)
    assert set(taken.values()) == {1}
    wait_until_empty(load.stack)
    assert "waiting" not in item(load.stack, hanging)


def test_burst_for_an_endpoint_that_takes_its_time_arrives_few_at_a_time_and_each_event_once(load: Load) -> None:
    [slow] = load.businesses(1, Answer(200, delay_s=1.5))
    load.publish([slow] * 100, pace=PACE)
    taken = until(lambda: _all_taken(load, slow, 100), 2 * SECONDS, "100 arrivals", every=0.5)
    wait_until_empty(load.stack)
    assert set(taken.values()) == {1}
    assert in_flight(load.attempts(slow)) <= AT_ONCE + PACE * UNTIL_TOLD_SECONDS
    assert "waiting" not in item(load.stack, slow)


def test_event_goes_out_when_those_that_waited_are_over_by_their_time(
    load: Load, receiver: Receiver, confidential: Confidential
) -> None:
    business = TestBusiness("w-crowded", load.stack, receiver, confidential)
    now = time.time()
    # As if five environments had died.
    business.answers(200, waiting={microseconds(now + 4 + number / 1000) for number in range(AT_ONCE)})
    business.publish()
    business.logs(message="crowded")
    [request] = business.receives()
    assert request.at > now + 4
    assert request.headers["webhook-attempt"] == "2"
    # The next attempt that waits removes entries that are over by their time, and later its own.
    assert len(item(load.stack, business.id)["waiting"]) == AT_ONCE
    business.receiver.script(business.path, Answer(200, delay_s=1))
    business.publish()
    until(lambda: "waiting" not in item(load.stack, business.id), SECONDS, "an item without those that waited")


def item(stack: Stack, business_id: str) -> dict[str, object]:
    """Give a business's settings item."""
    return stack.settings.get_item(Key={"business_id": business_id}, ConsistentRead=True)["Item"]


def microseconds(seconds: float) -> int:
    """Give a time as the settings item has it."""
    return int(seconds * 1_000_000)


def _all_taken(load: Load, business_id: str, count: int) -> dict[str, int] | None:
    accepted = load.accepted(business_id)
    return accepted if len(accepted) == count else None
