"""While writes to a table or a queue fail, no event is lost, and none is sent more often than necessary."""

import json
import time
from contextlib import ExitStack

import pytest

from infra.fakes.aws_proxy import RECORD_WRITES, broken, full
from infra.fakes.receiver import Answer
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness, event_id_of
from infra.tests.logs import log_lines
from infra.tests.portal import Owner
from infra.tests.queues import DeadLetters

pytestmark = pytest.mark.second

ATTEMPTS = 4
PARAMETERS = {
    "RetryScheduleSeconds": "1",
    "MaxAttempts": str(ATTEMPTS),
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
LONG_AGO = 1762155755000
"""A time of the past, in Unix milliseconds."""

PAUSED = {"version": 1, "state": "paused", "since": LONG_AGO, "reason": "spent"}
FAILING = {
    "version": 3,
    "state": "failing",
    "since": LONG_AGO,
    "cause": "status",
    "probe": "evt_0123456789abcdef0123456789abcdef",
    "probe_due": LONG_AGO,
    "last_attempt": LONG_AGO,
}
LATER_S = 8
"""The delay of a step after its message: more than the five seconds by which a step may begin early."""


def steps(business: TestBusiness, second: SecondStack) -> int:
    """Count how often a message of a business's replay has been received."""
    bodies = [record["body"] for batch in second.batches for record in batch.records]
    return sum(business.id in body and '"command":"replay"' in body for body in bodies)


def faults(business: TestBusiness) -> int:
    """Count the faults that were logged about a business."""
    lines = log_lines(business.stack)
    return sum(line["message"] == "fault" and line.get("business_id") == business.id for line in lines)


def test_replay_that_cannot_record_a_delivery_sends_that_event_twice_at_most(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(Answer(200, delay_s=1), Answer(200), health=PAUSED)
    held = business.hold(3)
    ledger = second.outputs["DeliveriesTableName"]
    # Enough time for an attempt and a few tries to record it.
    with second.deliver.deadline_in(9), ExitStack() as stack:
        business.resume()
        business.receives(1)
        stack.enter_context(second.proxy.rule(broken, *RECORD_WRITES, table=ledger, about=business.id))
        second.until(lambda: steps(business, second) == ATTEMPTS, "the last receive of the message")
        second.until(second.is_idle, "the end of that message")
        assert business.arrived() == held[:1]
    second.until(second.is_idle, "no message left")
    business.make_overdue()
    assert second.sweep()["replays"] == 1
    second.until(lambda: business.held() == [], "nothing held")
    second.until(second.is_idle, "the end of the replay")
    assert business.arrived() == held[:1] + held


def test_replay_sends_nothing_while_records_cannot_grow(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(200, health=PAUSED)
    held = business.hold(2)
    ledger = second.outputs["DeliveriesTableName"]
    with second.proxy.rule(full, *RECORD_WRITES, table=ledger, about=business.id):
        business.resume()
        second.until(lambda: faults(business) >= 2 or business.received(), "a second receive of the message")
        assert business.received() == []
    second.until(lambda: business.held() == [], "nothing held")
    second.until(second.is_idle, "the end of the replay")
    assert business.arrived() == held
    shown = [delivery["event_id"] for delivery in owner.get("/api/deliveries?status=delivered").json["deliveries"]]
    assert sorted(shown) == sorted(held), "the write that tried the table has changed no record"


def test_early_attempt_is_not_sent_while_its_claim_cannot_be_stored(
    business: TestBusiness, second: SecondStack
) -> None:
    event = business.call()
    # The probe is due in an hour, so another event may be attempted earlier.
    in_an_hour = int((time.time() + 3600) * 1000)
    business.answers(200, health=FAILING | {"probe_due": in_an_hour})
    with second.proxy.rule(broken, "UpdateItem", about=business.id):
        business.publish(event)
        second.until(lambda: faults(business) >= 2, "a second try")
        assert business.received() == []
    assert json.loads(business.receives(1)[0].body)["call_id"] == event["call_id"]
    second.until(lambda: business.health()["state"] == "active", "a recovery")


def test_resend_whose_message_could_not_be_sent_can_be_requested_again_at_once(
    owner: Owner, second: SecondStack
) -> None:
    business = owner.business
    business.answers(200)
    business.publish()
    event_id = event_id_of(business.receives(1)[0])
    business.recorded(event_id, "delivered")
    with second.proxy.rule(broken, "SendMessage", about=business.id):
        assert owner.post(f"/api/deliveries/{event_id}/resend").status == 503
    assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    business.receives(2)
    second.until(second.is_idle, "the resend acknowledged")
    assert len(business.received()) == 2


@pytest.mark.parametrize("kept_by", ["fault", "retry_after"])
def test_replay_whose_message_was_at_its_last_receive_is_restarted_by_sweep(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters, kept_by: str
) -> None:
    business.answers(200, health=PAUSED)
    held = business.hold(2)
    begins = int(time.time() * 1000) + (LATER_S * 1000 if kept_by == "retry_after" else 0)
    health = {"version": 2, "state": "active", "replay_id": 2, "replay_step": 0, "replay_due": begins}
    second.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET health = :health",
        ExpressionAttributeValues={":health": health},
    )
    step = {"command": "replay", "business_id": business.id, "replay": 2, "step": 0}
    with ExitStack() as meanwhile:
        if kept_by == "fault":
            meanwhile.enter_context(second.proxy.rule(broken, "Query", about=business.id))
        second.publish_received((json.dumps(step, separators=(",", ":")), ATTEMPTS - 1))
        second.until(lambda: steps(business, second) == 1 and second.is_idle(), "the end of that message")
    assert business.received() == []
    business.make_overdue()
    assert second.sweep() == {"probes": 0, "replays": 1, "notices": 0}
    second.until(lambda: business.held() == [], "nothing held")
    assert business.arrived() == held
    assert dead_letters.find(business.id) is None
