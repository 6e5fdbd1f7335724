"""A replay's pace: Retry-After and an event's schedule delay all events that follow it."""

import time

import pytest

from infra.fakes.receiver import Answer
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness, gaps

pytestmark = pytest.mark.second

STEP_S = 8
"""The only step of the schedule, at which Retry-After is capped."""

PARAMETERS = {
    "RetryScheduleSeconds": str(STEP_S),
    "MaxAttempts": "4",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
PAUSED = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "spent"}
EARLY_S = 5
"""A step may begin so much before its time, since delays are whole seconds and clocks differ a little."""


def test_replay_waits_for_retry_after_and_continues_in_order(business: TestBusiness, second: SecondStack) -> None:
    business.answers(Answer(429, headers={"Retry-After": "3600"}), Answer(200), health=PAUSED)
    held = business.hold(3)
    business.resume()
    second.until(lambda: business.health().get("replay_failures") == 1, "a step that waits")
    health = business.health()
    assert health["replay_due"] > (time.time() + EARLY_S) * 1000
    assert (health["state"], health["failures"]) == ("active", 0), "Retry-After does not count as a failure"
    second.until(lambda: business.held() == [] and second.is_idle(), "nothing held")
    assert business.arrived() == [held[0], *held], "the delayed event is first, and no event overtakes it"
    assert gaps(business.received())[0] >= STEP_S - EARLY_S


def test_event_that_fails_in_a_replay_is_tried_again_before_later_events(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(200, 500, 200, health=PAUSED)
    held = business.hold(3)
    business.resume()
    second.until(lambda: business.held() == [] and second.is_idle(), "nothing held")
    assert business.arrived() == [held[0], held[1], held[1], held[2]]
    assert gaps(business.received())[1] >= STEP_S - EARLY_S
    assert business.health()["failures"] == 0
