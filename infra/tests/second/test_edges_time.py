"""A message for which an invocation has no time left is not attempted, and returns soon, at any receive count.

A message that a fault meets late in its schedule is sent anew.

The schedule's steps are hours here. So an event that is delayed by a step does not arrive in time, and an event that is
given up at its last receive never arrives.
"""

import json
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.aws_proxy import broken, late
from infra.fakes.receiver import Receiver
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness
from infra.tests.logs import Confidential
from infra.tests.queues import DeadLetters

pytestmark = [pytest.mark.second, pytest.mark.edges]

MAX_ATTEMPTS = 16
LATER_S = 8 * 3600
PARAMETERS = {
    "RetryScheduleSeconds": f"{LATER_S}",
    "MaxAttempts": str(MAX_ATTEMPTS),
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
ENOUGH_S = 8
"""An attempt's two seconds, the five that the function keeps for its own reads and writes, and one to answer."""

SOON_S = 60
"""The time within which such a message returns."""

ARRIVES_S = 45
RECEIVES = {"ninth": 8, "last": MAX_ATTEMPTS - 1}


@pytest.fixture
def businesses(second: SecondStack, receiver: Receiver, confidential: Confidential) -> dict[str, TestBusiness]:
    """Give a business for each receive count."""
    return {name: TestBusiness(f"b-{uuid4().hex[:12]}", second, receiver, confidential) for name in RECEIVES}


def wait_for_invocations(second: SecondStack, businesses: dict[str, TestBusiness], at_least: int) -> None:
    """Wait for the end of an invocation with a message of each business, at this receive or a later one."""

    def ended(business: TestBusiness) -> bool:
        bodies = [
            record["body"]
            for batch in second.batches
            if batch.seconds is not None
            for record in batch.records
            if int(record["attributes"]["ApproximateReceiveCount"]) >= at_least
        ]
        return any(business.id in body for body in bodies)

    second.until(lambda: all(ended(business) for business in businesses.values()), "the invocations")


def delays(calls: list[dict[str, Any]]) -> list[int]:
    """Give the seconds by which these calls hide or delay a message."""
    return [call.get("VisibilityTimeout", call.get("DelaySeconds", 0)) for call in calls]


def assert_arrival(second: SecondStack, businesses: dict[str, TestBusiness], count: int) -> None:
    """Make sure that so many events of each business arrive soon, each once."""
    for business in businesses.values():
        second.until(lambda business=business: len(business.received()) >= count, "the arrival", seconds=ARRIVES_S)
    second.until(second.is_idle, "the end of all work", seconds=ARRIVES_S)
    assert [len(business.received()) for business in businesses.values()] == [count] * len(businesses)


def pause(business: TestBusiness) -> None:
    """Pause the endpoint, as an owner does."""
    business.answers(200, health={"version": 1, "state": "paused", "since": 1762155755000, "reason": "owner"})


def held_call(second: SecondStack, business: TestBusiness) -> str:
    """Publish a call to a paused endpoint, and give its event id once it is held."""
    before = len(business.held())
    business.publish()
    second.until(lambda: len(business.held()) == before + 1, "a held event")
    return business.held()[-1]


@pytest.mark.parametrize("left_s", [3, ENOUGH_S + 0.8], ids=["too_little_from_the_start", "too_little_after_the_read"])
def test_event_without_time_left_returns_soon_and_arrives(
    second: SecondStack, businesses: dict[str, TestBusiness], dead_letters: DeadLetters, left_s: float
) -> None:
    for business in businesses.values():
        business.answers(200)
    events = {name: business.call() for name, business in businesses.items()}
    with (
        second.proxy.watching("ChangeMessageVisibility", "SendMessage") as calls,
        second.proxy.rule(late(1), "BatchGetItem"),
        second.deliver.deadline_in(left_s),
    ):
        second.publish_received(*((events[name], receives) for name, receives in RECEIVES.items()))
        wait_for_invocations(second, businesses, at_least=9)
        assert [business.received() for business in businesses.values()] == [[], []], "there is no time for an attempt"
    assert max(delays(calls)) <= SOON_S
    assert len(calls) >= len(businesses)
    assert_arrival(second, businesses, 1)
    assert not any(dead_letters.find(event["call_id"]) for event in events.values())
    for business, event in zip(businesses.values(), events.values(), strict=True):
        record = business.record(f"call.completed\n{business.id}\n{event['call_id']}")
        assert (record["status"], record["attempts"]) == ("delivered", 1)


@pytest.mark.parametrize("left_s", [3, ENOUGH_S + 0.8], ids=["too_little_from_the_start", "too_little_after_the_read"])
def test_reference_without_time_left_returns_soon_and_its_event_arrives(
    second: SecondStack, businesses: dict[str, TestBusiness], dead_letters: DeadLetters, left_s: float
) -> None:
    commands = {}
    for name, business in businesses.items():
        pause(business)
        event_id = held_call(second, business)
        business.answers(200)
        command = {"command": "deliver", "business_id": business.id, "event_id": event_id}
        commands[name] = json.dumps(command, separators=(",", ":"))
    with (
        second.proxy.watching("ChangeMessageVisibility", "SendMessage") as calls,
        second.proxy.rule(late(1), "BatchGetItem", "GetItem"),
        second.deliver.deadline_in(left_s),
    ):
        second.publish_received(*((commands[name], receives) for name, receives in RECEIVES.items()))
        wait_for_invocations(second, businesses, at_least=9)
        assert [business.received() for business in businesses.values()] == [[], []], "there is no time for an attempt"
    assert max(delays(calls)) <= SOON_S
    assert_arrival(second, businesses, 1)
    assert not any(dead_letters.find(business.id) for business in businesses.values())


@pytest.mark.parametrize(
    ("left_s", "slow"),
    [(3, "BatchGetItem"), (ENOUGH_S + 0.8, "BatchGetItem"), (ENOUGH_S + 0.8, "GetItem")],
    ids=["too_little_from_the_start", "too_little_after_the_read", "too_little_after_the_first_event"],
)
def test_replay_without_time_left_continues_soon(
    second: SecondStack, businesses: dict[str, TestBusiness], dead_letters: DeadLetters, left_s: float, slow: str
) -> None:
    steps = {}
    for name, business in businesses.items():
        pause(business)
        for _ in range(3):
            held_call(second, business)
        steps[name] = begin_replay(business)
    with (
        second.proxy.watching("ChangeMessageVisibility", "SendMessage") as calls,
        second.proxy.rule(late(1), slow),
        second.deliver.deadline_in(left_s),
    ):
        second.publish_received(*((steps[name], receives) for name, receives in RECEIVES.items()))
        wait_for_invocations(second, businesses, at_least=9)
        assert [business.received() for business in businesses.values()] == [[], []], "there is no time for an attempt"
    assert max(delays(calls)) <= SOON_S
    # At its last receive the replay's message is acknowledged, and `sweep` restarts the replay.
    businesses["last"].make_overdue()
    assert second.sweep()["replays"] == 1
    assert_arrival(second, businesses, 3)
    assert [business.held() for business in businesses.values()] == [[], []]
    assert not any(dead_letters.find(business.id) for business in businesses.values())


def begin_replay(business: TestBusiness) -> str:
    """Store the state of a replay that begins, and give its message without sending it."""
    messages: list[str] = []
    publish, business.publish_text = business.publish_text, messages.append
    try:
        business.resume()
    finally:
        business.publish_text = publish
    return messages[0]


def test_invocation_after_its_deadline_attempts_nothing(
    second: SecondStack, businesses: dict[str, TestBusiness]
) -> None:
    for business in businesses.values():
        business.answers(200)
    with second.deliver.deadline_in(-1):
        events = [business.call() for business in businesses.values()]
        second.publish_together(*events)
        wait_for_invocations(second, businesses, at_least=1)
        assert [business.received() for business in businesses.values()] == [[], []]
    assert_arrival(second, businesses, 1)


def test_message_that_a_fault_meets_late_in_its_schedule_is_sent_anew_with_the_time_of_its_first_sending(
    second: SecondStack, businesses: dict[str, TestBusiness], dead_letters: DeadLetters
) -> None:
    events = {}
    for name, business in businesses.items():
        business.answers(200)
        events[name] = business.call()
    with (
        second.proxy.watching("ChangeMessageVisibility", "SendMessage") as calls,
        second.proxy.rule(broken, "BatchGetItem"),
    ):
        second.publish_received(*((events[name], receives) for name, receives in RECEIVES.items()))
        wait_for_invocations(second, businesses, at_least=9)
    # The new messages come after minutes, so the test takes them away.
    second.queue.purge_queue(QueueUrl=second.events_url)
    second.until(second.is_idle, "the end of all work")
    sent = [
        record["attributes"]["SentTimestamp"]
        for batch in second.batches
        for record in batch.records
        if any(business.id in record["body"] for business in businesses.values())
    ]
    assert sorted(call["MessageAttributes"]["first_sent"]["StringValue"] for call in calls) == sorted(sent)
    bodies = {json.loads(call["MessageBody"])["call_id"] for call in calls}
    assert bodies == {event["call_id"] for event in events.values()}
    assert all("at_capacity_since" not in call["MessageAttributes"] for call in calls), "an outage is no crowd"
    assert all(12 * 60 <= delay <= 15 * 60 for delay in delays(calls)), "minutes, and not a step of eight hours"
    assert not any(dead_letters.find(event["call_id"]) for event in events.values())
