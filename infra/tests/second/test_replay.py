"""A replay's pace: the receiver's wish and an event's schedule hold for all that waits behind it."""

import time

from infra.fakes.receiver import Answer
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness, event_id_of, gaps

STEP_S = 8
"""The one step of the schedule, and the longest that a receiver's wish counts for."""

PARAMETERS = {
    "RetryScheduleSeconds": str(STEP_S),
    "MaxAttempts": "4",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
PAUSED = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "spent"}
EARLY_S = 5
"""So much before its time a step may begin: delays are whole seconds, and clocks differ a little."""


def holds(business: TestBusiness, second: SecondStack, count: int) -> list[str]:
    """Publish calls to an endpoint that is paused until all are held, and give their ids in the order of a replay."""
    for _ in range(count):
        business.publish()
    second.until(lambda: len(business.held()) == count, "held events")
    return business.held()


def arrived(business: TestBusiness) -> list[str]:
    """Give the ids of the events that have arrived, as they came."""
    return [event_id_of(request) for request in business.received()]


def test_a_replay_waits_as_long_as_its_receiver_wishes_and_goes_on_in_order(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(Answer(429, headers={"Retry-After": "3600"}), Answer(200), health=PAUSED)
    held = holds(business, second, 3)
    business.resume()
    second.until(lambda: business.health().get("replay_failures") == 1, "a step that waits")
    health = business.health()
    assert health["replay_due"] > (time.time() + EARLY_S) * 1000
    assert (health["state"], health["failures"]) == ("active", 0), "such a receiver is well"
    second.until(lambda: business.held() == [] and second.is_idle(), "nothing held")
    assert arrived(business) == [held[0], *held], "the same event first, and none overtakes it"
    assert gaps(business.received())[0] >= STEP_S - EARLY_S


def test_an_event_that_fails_in_a_replay_is_tried_again_before_those_behind_it(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(200, 500, 200, health=PAUSED)
    held = holds(business, second, 3)
    business.resume()
    second.until(lambda: business.held() == [] and second.is_idle(), "nothing held")
    assert arrived(business) == [held[0], held[1], held[1], held[2]]
    assert gaps(business.received())[1] >= STEP_S - EARLY_S
    assert business.health()["failures"] == 0
