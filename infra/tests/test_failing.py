"""Endpoints that fail: the pilot, the held, the pause, the release, and what the operator hears of it.

On a stack of its own, whose schedule is long enough for a pilot to be patient.
"""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.fakes.receiver import Answer, Received, Receiver
from infra.local.processes import until
from infra.local.stack import Stack, build, running_stack

from .business import SECONDS, Confidential, DeadLetters, Merchant, wait_until_empty
from .conftest import LOGS
from .notices import Notices

PARAMETERS = {
    "RetryScheduleSeconds": "1,1,2",
    "MaxAttempts": "30",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
HELD_AT_MOST = 5
"""How many of a failing endpoint's events may have been attempted on their own before it is known as failing."""

OUTLIVES_SECONDS = 60
"""After that, a released event that failed is tried again by a message of its own."""


@pytest.fixture(scope="module")
def patient() -> Iterator[Stack]:
    """Give a stack whose schedule has thirty attempts."""
    build()
    with running_stack(PARAMETERS, logs=LOGS / "patient") as deployed:
        yield deployed


@pytest.fixture
def merchant(patient: Stack, receiver: Receiver, confidential: Confidential) -> Merchant:
    """Give a business of that stack."""
    return Merchant(f"b-{uuid4().hex[:12]}", patient, receiver, confidential)


@pytest.fixture
def another(patient: Stack, receiver: Receiver, confidential: Confidential) -> Merchant:
    """Give a second one."""
    return Merchant(f"b-{uuid4().hex[:12]}", patient, receiver, confidential)


@pytest.fixture(scope="module")
def notices(patient: Stack) -> Notices:
    """Give the notices of the stack."""
    return Notices(patient)


def calls_of(requests: list[Received]) -> list[str]:
    """Give the call ids of requests, in order."""
    return [json.loads(request.body)["call_id"] for request in requests]


def is_failing(merchant: Merchant) -> None:
    """Bring an endpoint to where one pilot knocks and the rest is held."""
    until(lambda: merchant.health().get("state") == "failing", SECONDS, "a failing endpoint")


def test_fifty_events_held_while_an_endpoint_fails_arrive_in_order_and_once_when_it_recovers(
    merchant: Merchant, notices: Notices
) -> None:
    merchant.answers(500)
    published = [merchant.publish()["call_id"] for _ in range(HELD_AT_MOST)]
    is_failing(merchant)
    published += [merchant.publish()["call_id"] for _ in range(50 - len(published))]
    until(lambda: len(merchant.held()) == 49, SECONDS, "49 held events")
    told = notices.wait(merchant, "failing")
    assert told["cause"] == "status"
    before = len(merchant.received())
    merchant.receiver.script(merchant.path, Answer(200))
    arrived = calls_of(merchant.receives(before + 50)[before:])
    assert sorted(arrived) == sorted(published), "each once"
    pilot = arrived[0]
    assert arrived[1:] == [call for call in published if call != pilot], "in the order in which they happened"
    assert notices.wait(merchant, "recovered")["held"] == 49
    until(lambda: "release_run" not in merchant.health(), SECONDS, "the end of the release")
    assert merchant.held() == []
    wait_until_empty(merchant.stack)
    assert len(merchant.received()) == before + 50


def test_of_a_failing_endpoint_one_event_knocks_and_the_others_wait(merchant: Merchant) -> None:
    merchant.answers(500)
    for _ in range(HELD_AT_MOST):
        merchant.publish()
    is_failing(merchant)
    until(lambda: len(merchant.held()) == HELD_AT_MOST - 1, SECONDS, "four held events")
    before = len(merchant.received())
    merchant.publish()
    until(lambda: len(merchant.held()) == HELD_AT_MOST, SECONDS, "the new event held")
    later = merchant.receives(before + 2)[before:]
    assert len(set(calls_of(later))) == 1, "the pilot alone"


def test_a_success_in_between_resets_the_count(merchant: Merchant) -> None:
    merchant.answers(500, 500, 500, 500, 200, 500, 500, 500, 500, 200)
    for _ in range(2):
        event = merchant.publish()
        until(lambda call=event["call_id"]: _status(merchant, call) == "delivered", SECONDS, "its delivery")
    assert merchant.health()["state"] == "active"
    assert len(merchant.received()) == 10


def test_410_pauses_and_nothing_is_sent_until_the_owner_resumes(merchant: Merchant, notices: Notices) -> None:
    merchant.answers(410, 200)
    calls = [merchant.publish()["call_id"]]
    until(lambda: merchant.health().get("state") == "paused", SECONDS, "a paused endpoint")
    assert merchant.health()["reason"] == "gone"
    assert notices.wait(merchant, "paused")["cause"] == "gone"
    calls += [merchant.publish()["call_id"] for _ in range(6)]
    until(lambda: len(merchant.held()) == len(calls), SECONDS, "all held")
    assert len(merchant.received()) == 1
    merchant.resume()
    arrived = calls_of(merchant.receives(1 + len(calls))[1:])
    assert arrived == calls
    until(lambda: merchant.held() == [], SECONDS, "nothing held")


def test_another_url_releases_what_was_held_at_the_old_one(merchant: Merchant) -> None:
    merchant.answers(410)
    calls = [merchant.publish()["call_id"]]
    until(lambda: merchant.health().get("state") == "paused", SECONDS, "a paused endpoint")
    merchant.path = merchant.new_path()
    merchant.move_to(merchant.receiver.url + merchant.path)
    calls += [merchant.publish()["call_id"]]
    assert sorted(calls_of(merchant.receives(2))) == sorted(calls)


def test_spent_pilot_pauses_the_endpoint_and_goes_to_the_dead_letter_queue(
    stack: Stack, receiver: Receiver, confidential: Confidential, dead_letters: DeadLetters
) -> None:
    merchant = Merchant(f"b-{uuid4().hex[:12]}", stack, receiver, confidential)
    merchant.answers(500)
    first = [merchant.publish() for _ in range(HELD_AT_MOST)]
    until(lambda: merchant.health().get("state") == "paused", SECONDS, "a paused endpoint")
    assert merchant.health()["reason"] == "spent"
    spent = until(lambda: [e for e in first if _status(merchant, e["call_id"]) == "failed"], SECONDS, "a failed event")
    dead_letters.wait(spent[0]["call_id"])
    later = merchant.publish()
    until(lambda: _status(merchant, later["call_id"]) == "held", SECONDS, "a held event")


def test_endpoint_that_fails_again_during_a_release_keeps_the_rest_held(merchant: Merchant) -> None:
    merchant.answers(500)
    calls = [merchant.publish()["call_id"] for _ in range(HELD_AT_MOST)]
    is_failing(merchant)
    calls += [merchant.publish()["call_id"] for _ in range(20)]
    until(lambda: len(merchant.held()) == len(calls) - 1, SECONDS, "all but the pilot held")
    # Well for the pilot and three more, then not for a while, then for good.
    merchant.receiver.script(merchant.path, *_after(len(merchant.received()), [200] * 4 + [500] * 12 + [200]))
    seconds = OUTLIVES_SECONDS + 2 * SECONDS
    until(lambda: all(_status(merchant, call) == "delivered" for call in calls), seconds, "all delivered")
    delivered = [call for call in calls_of(merchant.received()) if call in calls]
    assert set(delivered) == set(calls)


def test_neighbours_of_a_failing_endpoint_are_delivered_meanwhile(merchant: Merchant, another: Merchant) -> None:
    merchant.answers(500)
    another.answers(200)
    for _ in range(HELD_AT_MOST + 3):
        merchant.publish()
        another.publish()
    assert len(another.receives(HELD_AT_MOST + 3)) == HELD_AT_MOST + 3
    assert "state" not in another.health(), "a healthy endpoint's state is never written"


def _status(merchant: Merchant, call_id: str) -> str | None:
    record = merchant.record(f"call.completed\n{merchant.id}\n{call_id}")
    return record.get("status") if record else None


def _after(received: int, statuses: list[int]) -> list[Answer]:
    return [Answer(500)] * received + [Answer(status) for status in statuses]
