"""Endpoints that fail: the probe, the held, the pause, the replay, and what the operator hears of it.

On a stack of its own, whose schedule is long enough for a probe to be patient.
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
HELD_AT_MOST = 5
"""How many of a failing endpoint's events may have been attempted on their own before it is known as failing."""

OUTLIVES_SECONDS = 60
"""After that, a replayed event that failed is tried again by a message of its own."""


@pytest.fixture(scope="module")
def patient() -> Iterator[Stack]:
    """Give a stack whose schedule has thirty attempts."""
    build()
    with running_stack(PARAMETERS, logs=LOGS / "patient") as deployed:
        yield deployed


@pytest.fixture
def business(patient: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a business of that stack."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", patient, receiver, confidential)


@pytest.fixture
def another(patient: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a second one."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", patient, receiver, confidential)


@pytest.fixture(scope="module")
def notices(patient: Stack) -> Notices:
    """Give the notices of the stack."""
    return Notices(patient)


def calls_of(requests: list[Received]) -> list[str]:
    """Give the call ids of requests, in order."""
    return [json.loads(request.body)["call_id"] for request in requests]


def is_failing(business: TestBusiness) -> None:
    """Bring an endpoint to where one probe tries and the rest is held."""
    until(lambda: business.health().get("state") == "failing", SECONDS, "a failing endpoint")


def test_fifty_events_held_while_an_endpoint_fails_arrive_in_order_and_once_when_it_recovers(
    business: TestBusiness, notices: Notices
) -> None:
    business.answers(500)
    published = [business.publish()["call_id"] for _ in range(HELD_AT_MOST)]
    is_failing(business)
    published += [business.publish()["call_id"] for _ in range(50 - len(published))]
    until(lambda: len(business.held()) == 49, SECONDS, "49 held events")
    told = notices.wait(business, "failing")
    assert told["cause"] == "status"
    before = len(business.received())
    business.receiver.script(business.path, Answer(200))
    arrived = calls_of(business.receives(before + 50)[before:])
    assert sorted(arrived) == sorted(published), "each once"
    probe = arrived[0]
    assert arrived[1:] == [call for call in published if call != probe], "in the order in which they happened"
    assert notices.wait(business, "recovered")["held"] == 49
    until(lambda: "replay_id" not in business.health(), SECONDS, "the end of the replay")
    assert business.held() == []
    wait_until_empty(business.stack)
    assert len(business.received()) == before + 50


def test_of_a_failing_endpoint_one_event_knocks_and_the_others_wait(business: TestBusiness) -> None:
    business.answers(500)
    for _ in range(HELD_AT_MOST):
        business.publish()
    is_failing(business)
    until(lambda: len(business.held()) == HELD_AT_MOST - 1, SECONDS, "four held events")
    before = len(business.received())
    business.publish()
    until(lambda: len(business.held()) == HELD_AT_MOST, SECONDS, "the new event held")
    later = business.receives(before + 2)[before:]
    assert len(set(calls_of(later))) == 1, "the probe alone"


def test_a_success_in_between_resets_the_count(business: TestBusiness) -> None:
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


def test_another_url_replays_what_was_held_at_the_old_one(business: TestBusiness) -> None:
    business.answers(410)
    calls = [business.publish()["call_id"]]
    until(lambda: business.health().get("state") == "paused", SECONDS, "a paused endpoint")
    business.path = business.new_path()
    business.move_to(business.receiver.url + business.path)
    calls += [business.publish()["call_id"]]
    assert sorted(calls_of(business.receives(2))) == sorted(calls)


def test_endpoint_that_fails_again_during_a_replay_keeps_the_rest_held(business: TestBusiness) -> None:
    business.answers(500)
    calls = [business.publish()["call_id"] for _ in range(HELD_AT_MOST)]
    is_failing(business)
    calls += [business.publish()["call_id"] for _ in range(20)]
    until(lambda: len(business.held()) == len(calls) - 1, SECONDS, "all but the probe held")
    # Well for the probe and three more, then not for a while, then for good.
    business.receiver.script(business.path, *_after(len(business.received()), [200] * 4 + [500] * 12 + [200]))
    seconds = OUTLIVES_SECONDS + 2 * SECONDS
    until(lambda: all(_status(business, call) == "delivered" for call in calls), seconds, "all delivered")
    delivered = [call for call in calls_of(business.received()) if call in calls]
    assert set(delivered) == set(calls)


def test_neighbours_of_a_failing_endpoint_are_delivered_meanwhile(
    business: TestBusiness, another: TestBusiness
) -> None:
    business.answers(500)
    another.answers(200)
    for _ in range(HELD_AT_MOST + 3):
        business.publish()
        another.publish()
    assert len(another.receives(HELD_AT_MOST + 3)) == HELD_AT_MOST + 3
    assert "state" not in another.health(), "a healthy endpoint's state is never written"


def _status(business: TestBusiness, call_id: str) -> str | None:
    record = business.record(f"call.completed\n{business.id}\n{call_id}")
    return record.get("status") if record else None


def _after(received: int, statuses: list[int]) -> list[Answer]:
    return [Answer(500)] * received + [Answer(status) for status in statuses]
