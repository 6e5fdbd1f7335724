"""Lambda's guard against recursion: a replay is a chain of invocations, and more events make the chain longer.

The trace ids are those that the SDK sends with SendMessage. The guard has the `RecursiveLoop` of the built template.
"""

from uuid import uuid4

import pytest

from infra.fakes.receiver import Receiver
from infra.fakes.second.recursion import INVOCATIONS
from infra.fakes.second.stack import SecondStack, second_stack
from infra.local.building import build
from infra.tests.alarm_state import is_alarm
from infra.tests.business import TestBusiness
from infra.tests.conftest import LOGS
from infra.tests.logs import Confidential
from infra.tests.test_template_alarms import alarms

pytestmark = pytest.mark.second

HELD = 240
"""A step of a replay delivers ten, so these events need more steps than the guard allows."""

PARAMETERS = {"RetryScheduleSeconds": "1", "AttemptTimeoutSeconds": "2", "MaximumConcurrency": "4"}


@pytest.fixture
def paused(receiver: Receiver, confidential: Confidential) -> "PausedBusiness":
    """Give a business whose endpoint is paused."""
    build()
    return PausedBusiness(receiver, confidential)


class PausedBusiness:
    """A business with more held events than a chain of invocations delivers before the guard stops it."""

    def __init__(self, receiver: Receiver, confidential: Confidential) -> None:
        self._receiver, self._confidential = receiver, confidential
        self.calls: list[str] = []

    def hold(self, second: SecondStack) -> TestBusiness:
        """Hold the events, then resume the endpoint."""
        business = TestBusiness(f"b-{uuid4().hex[:12]}", second, self._receiver, self._confidential)
        business.answers(200, health={"version": 1, "state": "paused", "since": 1762155755000, "reason": "owner"})
        for number in range(HELD):
            event = business.call(call_id=f"call-{number:03}")
            business.publish(event)
        second.until(lambda: _held(second, business) == HELD, "all held", seconds=60)
        second.until(second.is_idle, "the end of all work")
        self.calls = _in_order(second, business)
        business.resume()
        return business


def _in_order(second: SecondStack, business: TestBusiness) -> list[str]:
    pages = (
        second.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=second.outputs["DeliveriesTableName"],
            IndexName="held",
            KeyConditionExpression="business_id = :id",
            ExpressionAttributeValues={":id": {"S": business.id}},
            ConsistentRead=True,
        )
    )
    return [item["event_id"]["S"] for page in pages for item in page["Items"]]


def _held(second: SecondStack, business: TestBusiness) -> int:
    return len(_in_order(second, business))


def test_replay_of_240_events_completes_with_the_recursive_loop_of_the_template(paused: PausedBusiness) -> None:
    with second_stack(PARAMETERS, logs=LOGS / "recursion") as second:
        business = paused.hold(second)
        second.until(lambda: second.guard.refused or _held(second, business) == 0, "nothing held", seconds=90)
        assert second.guard.refused == 0
        assert not is_alarm(alarms()["DeliverRecursionAlarm"], [second.guard.refused])
        second.until(second.is_idle, "the end of the replay")
        assert business.arrived() == paused.calls, "each event arrives once, in order"
        assert second.guard.longest > INVOCATIONS, "AWS would see a chain beyond its limit"
        assert second.proxy.unexpected() == []


def test_replay_stops_after_sixteen_invocations_without_the_recursive_loop_of_the_template(
    paused: PausedBusiness,
) -> None:
    with second_stack(PARAMETERS, logs=LOGS / "terminated", recursive_loop=None) as second:
        business = paused.hold(second)
        second.until(lambda: second.guard.refused > 0, "a message that the guard refuses", seconds=60)
        second.until(lambda: all(batch.seconds is not None for batch in second.batches), "the last invocation")
        assert is_alarm(alarms()["DeliverRecursionAlarm"], [second.guard.refused])
        assert business.arrived() == paused.calls[: 10 * INVOCATIONS]
        assert _held(second, business) == HELD - 10 * INVOCATIONS
        assert second.counts()["hidden"] == 1, "the message returns until its receives are spent"
