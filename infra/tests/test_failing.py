"""Endpoints that fail: the probe, held events, the pause, the replay, and the operator's notices.

The tests have a stack of their own, whose schedule has many attempts, so that a probe is not spent meanwhile.
"""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.fakes.receiver import Answer, Received, Receiver
from infra.local.building import build
from infra.local.processes import until
from infra.local.stack import Stack, running_stack

from .business import TestBusiness
from .conftest import LOGS
from .logs import Confidential
from .notices import Notices
from .queues import wait_until_empty
from .waits import SECONDS

pytestmark = pytest.mark.own_stack

PARAMETERS = {
    "RetryScheduleSeconds": "1,1,2",
    "MaxAttempts": "30",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
FAILURES_TO_FAILING = 5
"""The failed attempts in a row that make an endpoint failing."""

REPLAY_FAILURE_SECONDS = 60
"""After this time, a replayed event that failed is tried again by a message of its own."""


@pytest.fixture(scope="module")
def many_attempts() -> Iterator[Stack]:
    """Give a stack whose schedule has thirty attempts."""
    build()
    with running_stack(PARAMETERS, logs=LOGS / "many_attempts") as deployed:
        yield deployed


@pytest.fixture
def business(many_attempts: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a business of that stack."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", many_attempts, receiver, confidential)


@pytest.fixture
def another(many_attempts: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a second business of that stack."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", many_attempts, receiver, confidential)


@pytest.fixture(scope="module")
def notices(many_attempts: Stack) -> Notices:
    """Give the notices of the stack."""
    return Notices(many_attempts)


def calls_of(requests: list[Received]) -> list[str]:
    """Give the call ids of requests, in order."""
    return [json.loads(request.body)["call_id"] for request in requests]


def wait_until_failing(business: TestBusiness) -> None:
    """Wait until an endpoint is failing, so that its probe is tried and other events are held."""
    until(lambda: business.health().get("state") == "failing", SECONDS, "a failing endpoint")


def test_fifty_events_held_while_an_endpoint_fails_arrive_in_order_and_once_when_it_recovers(
    business: TestBusiness, notices: Notices
) -> None:
    business.answers(500)
    published = [business.publish()["call_id"] for _ in range(FAILURES_TO_FAILING)]
    wait_until_failing(business)
    published += [business.publish()["call_id"] for _ in range(50 - len(published))]
    until(lambda: len(business.held()) == 49, SECONDS, "49 held events")
    assert notices.wait(business, "failing")["cause"] == "status"
    before = len(business.received())
    business.receiver.script(business.path, Answer(200))
    arrived = calls_of(business.receives(before + 50)[before:])
    assert sorted(arrived) == sorted(published), "each event arrives once"
    probe = arrived[0]
    assert arrived[1:] == [call for call in published if call != probe], "in the order of the calls"
    assert notices.wait(business, "recovered")["held"] == 49
    until(lambda: "replay_id" not in business.health(), SECONDS, "the end of the replay")
    assert business.held() == []
    wait_until_empty(business.stack)
    assert len(business.received()) == before + 50


def test_probe_alone_is_tried_at_a_failing_endpoint_and_other_events_are_held(business: TestBusiness) -> None:
    business.answers(500)
    for _ in range(FAILURES_TO_FAILING):
        business.publish()
    wait_until_failing(business)
    until(lambda: len(business.held()) == FAILURES_TO_FAILING - 1, SECONDS, "four held events")
    before = len(business.received())
    business.publish()
    until(lambda: len(business.held()) == FAILURES_TO_FAILING, SECONDS, "the new event held")
    later = business.receives(before + 2)[before:]
    assert len(set(calls_of(later))) == 1, "only the probe is attempted"


def test_success_resets_the_count_of_failures(business: TestBusiness) -> None:
    business.answers(500, 500, 500, 500, 200, 500, 500, 500, 500, 200)
    for _ in range(2):
        event = business.publish()
        until(lambda call=event["call_id"]: _status(business, call) == "delivered", SECONDS, "its delivery")
    assert business.health()["state"] == "active"
    assert len(business.received()) == 10


def test_410_pauses_and_nothing_is_sent_until_the_owner_resumes(business: TestBusiness, notices: Notices) -> None:
    business.answers(410, 200)
    calls = [business.publish()["call_id"]]
    until(lambda: business.health().get("state") == "paused", SECONDS, "a paused endpoint")
    assert business.health()["reason"] == "gone"
    assert notices.wait(business, "paused")["cause"] == "gone"
    calls += [business.publish()["call_id"] for _ in range(6)]
    until(lambda: len(business.held()) == len(calls), SECONDS, "all held")
    assert len(business.received()) == 1
    business.resume()
    arrived = calls_of(business.receives(1 + len(calls))[1:])
    assert arrived == calls
    until(lambda: business.held() == [], SECONDS, "nothing held")


def test_held_events_are_replayed_to_another_url(business: TestBusiness) -> None:
    business.answers(410)
    calls = [business.publish()["call_id"]]
    until(lambda: business.health().get("state") == "paused", SECONDS, "a paused endpoint")
    business.path = business.new_path()
    business.move_to(business.receiver.url + business.path)
    calls += [business.publish()["call_id"]]
    assert sorted(calls_of(business.receives(2))) == sorted(calls)


def test_replay_is_completed_although_its_endpoint_fails_again_meanwhile(business: TestBusiness) -> None:
    business.answers(500)
    calls = [business.publish()["call_id"] for _ in range(FAILURES_TO_FAILING)]
    wait_until_failing(business)
    calls += [business.publish()["call_id"] for _ in range(20)]
    until(lambda: len(business.held()) == len(calls) - 1, SECONDS, "all but the probe held")
    # The endpoint accepts the probe and three more events, then fails for a while, then accepts every event.
    business.receiver.script(business.path, *_after(len(business.received()), [200] * 4 + [500] * 12 + [200]))
    seconds = REPLAY_FAILURE_SECONDS + 2 * SECONDS
    until(lambda: all(_status(business, call) == "delivered" for call in calls), seconds, "all delivered")
    delivered = [call for call in calls_of(business.received()) if call in calls]
    assert set(delivered) == set(calls)


def test_neighbours_of_a_failing_endpoint_are_delivered_meanwhile(
    business: TestBusiness, another: TestBusiness
) -> None:
    business.answers(500)
    another.answers(200)
    for _ in range(FAILURES_TO_FAILING + 3):
        business.publish()
        another.publish()
    assert len(another.receives(FAILURES_TO_FAILING + 3)) == FAILURES_TO_FAILING + 3
    assert "state" not in another.health(), "a healthy endpoint's state is never written"


def _status(business: TestBusiness, call_id: str) -> str | None:
    record = business.record(f"call.completed\n{business.id}\n{call_id}")
    return record.get("status") if record else None


def _after(received: int, statuses: list[int]) -> list[Answer]:
    return [Answer(500)] * received + [Answer(status) for status in statuses]
