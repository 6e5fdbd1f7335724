"""Slow endpoints: the number of attempts in flight at one endpoint, in all environments together.

The tests have a stack of their own with many environments, and a receiver that records the time of each request.
"""

import time
from collections.abc import Iterator

import pytest

from infra.fakes.receiver import Answer, Manner, Receiver, running_receiver
from infra.local.building import build
from infra.local.processes import until
from infra.local.stack import Stack, running_stack
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
MAX_IN_FLIGHT = 5
PACE = 20
"""Events a second."""

UNTIL_KNOWN_SECONDS = 1.5
"""The time from the beginning of an attempt until every environment knows that it is in flight."""


@pytest.fixture(scope="module")
def load() -> Iterator[Load]:
    """Give the stack with a receiver, and publish by it."""
    build()
    with running_receiver() as receiver, running_stack(PARAMETERS, logs=LOGS / "in_flight") as stack:
        yield Load(stack, receiver)


def statuses(stack: Stack, business_id: str) -> list[str]:
    """Give the status of each event of a business."""
    pages = stack.deliveries.meta.client.get_paginator("query").paginate(
        TableName=stack.deliveries.name,
        KeyConditionExpression="business_id = :business",
        ExpressionAttributeValues={":business": business_id},
        ConsistentRead=True,
    )
    return [item["status"] for page in pages for item in page["Items"]]


def test_hanging_endpoint_has_few_attempts_in_flight_and_gets_all_200_events_once_it_recovers(load: Load) -> None:
    [hanging] = load.businesses(1, Answer(manner=Manner.HANG))
    load.publish([hanging] * 200, pace=PACE)
    until(lambda: statuses(load.stack, hanging).count("held") == 199, SECONDS, "199 held events", every=0.5)
    attempts = load.attempts(hanging)
    first = attempts[0].began
    # Until the first attempt has failed.
    later = [span for span in attempts if first + UNTIL_KNOWN_SECONDS < span.began < first + ATTEMPT_SECONDS]
    assert later == [], "no attempt begins while five are in flight"
    assert in_flight(attempts) <= MAX_IN_FLIGHT + PACE * UNTIL_KNOWN_SECONDS
    load.answer(hanging, Answer(200))
    taken = until(lambda: _all_taken(load, hanging, 200), 2 * SECONDS, "200 arrivals", every=0.5)
    assert set(taken.values()) == {1}
    wait_until_empty(load.stack)
    assert "in_flight" not in item(load.stack, hanging)


def test_burst_of_events_arrives_few_at_a_time_and_once_at_a_slow_endpoint(load: Load) -> None:
    [slow] = load.businesses(1, Answer(200, delay_s=1.5))
    load.publish([slow] * 100, pace=PACE)
    taken = until(lambda: _all_taken(load, slow, 100), 2 * SECONDS, "100 arrivals", every=0.5)
    wait_until_empty(load.stack)
    assert set(taken.values()) == {1}
    assert in_flight(load.attempts(slow)) <= MAX_IN_FLIGHT + PACE * UNTIL_KNOWN_SECONDS
    assert "in_flight" not in item(load.stack, slow)


def test_event_is_sent_when_the_entries_of_dead_attempts_have_expired(
    load: Load, receiver: Receiver, confidential: Confidential
) -> None:
    business = TestBusiness("w-at-capacity", load.stack, receiver, confidential)
    now = time.time()
    # As if five environments had died during their attempts.
    business.answers(200, in_flight={microseconds(now + 4 + number / 1000) for number in range(MAX_IN_FLIGHT)})
    business.publish()
    business.logs(message="at_capacity")
    [request] = business.receives()
    assert request.at > now + 4
    assert request.headers["webhook-attempt"] == "2"
    # The next attempt that takes long removes expired entries, and later its own.
    assert len(item(load.stack, business.id)["in_flight"]) == MAX_IN_FLIGHT
    business.receiver.script(business.path, Answer(200, delay_s=1))
    business.publish()
    until(lambda: "in_flight" not in item(load.stack, business.id), SECONDS, "an item without entries")


def item(stack: Stack, business_id: str) -> dict[str, object]:
    """Give a business's settings item."""
    return stack.settings.get_item(Key={"business_id": business_id}, ConsistentRead=True)["Item"]


def microseconds(seconds: float) -> int:
    """Give a time in the form of the settings item."""
    return int(seconds * 1_000_000)


def _all_taken(load: Load, business_id: str, count: int) -> dict[str, int] | None:
    accepted = load.accepted(business_id)
    return accepted if len(accepted) == count else None
