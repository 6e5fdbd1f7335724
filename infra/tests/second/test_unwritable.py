"""While a table or a queue takes nothing, an event is sent no more often than it must be, and nothing is given up."""

import base64
import json
import random
import time
from contextlib import ExitStack

import pytest

from infra.fakes.aws_proxy import broken, full
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
"""In Unix milliseconds."""

PAUSED = {"version": 1, "state": "paused", "since": LONG_AGO, "reason": "spent"}
FAILING = {
    "version": 3,
    "state": "failing",
    "since": LONG_AGO,
    "cause": "status",
    "pilot": "evt_0123456789abcdef0123456789abcdef",
    "pilot_due": LONG_AGO,
    "last_attempt": LONG_AGO,
}
LATER_S = 8
"""How much later a step may begin than its token comes: more than the five seconds that do not count."""


def arrived(business: TestBusiness) -> list[str]:
    """Give the ids of the events that have arrived, as they came."""
    return [event_id_of(request) for request in business.received()]


def holds(business: TestBusiness, second: SecondStack, count: int) -> list[str]:
    """Publish calls to an endpoint that is paused until all are held, and give their ids in the order of a release."""
    for _ in range(count):
        business.publish()
    second.until(lambda: len(business.held()) == count, "held events")
    return business.held()


def tokens(business: TestBusiness, second: SecondStack) -> int:
    """Count how often a token of a business's release has been received."""
    bodies = [record["body"] for batch in second.batches for record in batch.records]
    return sum(business.id in body and '"command":"release"' in body for body in bodies)


def faults(business: TestBusiness) -> int:
    """Count the faults that were logged about a business."""
    lines = log_lines(business.stack)
    return sum(line["message"] == "fault" and line.get("business_id") == business.id for line in lines)


def test_a_release_that_cannot_record_what_has_arrived_sends_it_again_once_and_no_more(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(Answer(200, delay_s=1), Answer(200), health=PAUSED)
    held = holds(business, second, 3)
    ledger = second.outputs["DeliveriesTableName"]
    # No longer than an attempt and a few tries to record it take.
    with second.deliver.told(9), ExitStack() as stack:
        business.resume()
        business.receives(1)
        stack.enter_context(second.proxy.rule(broken, "UpdateItem", table=ledger, about=business.id))
        second.until(lambda: tokens(business, second) >= ATTEMPTS + 2, "a token that has come back, and its successor")
        assert arrived(business) == held[:1]
    second.until(lambda: business.held() == [], "nothing held")
    second.until(second.is_idle, "the end of the release")
    assert arrived(business) == held[:1] + held


def test_a_release_sends_nothing_while_no_record_may_grow(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(200, health=PAUSED)
    held = holds(business, second, 2)
    ledger = second.outputs["DeliveriesTableName"]
    with second.proxy.rule(full, "UpdateItem", table=ledger, about=business.id):
        business.resume()
        second.until(lambda: faults(business) >= 2 or business.received(), "a token that has come back")
        assert business.received() == []
    second.until(lambda: business.held() == [], "nothing held")
    second.until(second.is_idle, "the end of the release")
    assert arrived(business) == held
    shown = [delivery["event_id"] for delivery in owner.get("/api/deliveries?status=delivered").json["deliveries"]]
    assert sorted(shown) == sorted(held), "what was written to try is in nobody's way"


def test_an_event_that_may_try_first_is_not_sent_while_that_cannot_be_stored(
    business: TestBusiness, second: SecondStack
) -> None:
    event = business.call()
    business.answers(200, health=FAILING)
    with second.proxy.rule(broken, "UpdateItem", about=business.id):
        business.publish(event)
        second.until(lambda: faults(business) >= 2, "a second try")
        assert business.received() == []
    assert json.loads(business.receives(1)[0].body)["call_id"] == event["call_id"]
    second.until(lambda: business.health()["state"] == "active", "a recovery")


def test_a_resend_for_which_no_message_could_be_sent_can_be_asked_for_again_at_once(
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
def test_a_token_that_waits_at_its_last_receive_gets_a_successor(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters, kept_by: str
) -> None:
    business.answers(200, health=PAUSED)
    held = holds(business, second, 2)
    begins = int(time.time() * 1000) + (LATER_S * 1000 if kept_by == "retry_after" else 0)
    release = {"release_run": 2, "release_step": 0, "release_at": begins}
    second.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET health = :health",
        ExpressionAttributeValues={":health": {"version": 2, "state": "active"} | release},
    )
    token = {"command": "release", "business_id": business.id, "run": 2, "step": 0}
    token = json.dumps(token, separators=(",", ":"))
    if kept_by == "fault":
        with second.proxy.rule(broken, "Query", about=business.id):
            second.publish_worn((token, ATTEMPTS - 1))
            second.until(lambda: faults(business) >= 1, "a list that was not given")
    else:
        second.publish_worn((token, ATTEMPTS - 1))
    second.until(lambda: business.held() == [], "nothing held")
    assert arrived(business) == held
    assert dead_letters.find(business.id) is None


def test_what_is_too_large_to_be_kept_takes_its_own_place_at_its_last_receive(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters
) -> None:
    # Text that hardly compresses.
    event = business.call(transcript=base64.b64encode(random.Random(LONG_AGO).randbytes(525_000)).decode())
    business.answers(200, health=FAILING)
    with second.proxy.watching("SendMessage") as sent, second.proxy.rule(broken, "Publish", about=business.id):
        second.publish_worn((event, ATTEMPTS - 1))
        # Of a recovery that could not be told.
        second.until(lambda: any(event["call_id"] in said["MessageBody"] for said in sent), "the event sent anew")
    assert len(business.received()) == 1
    assert dead_letters.find(event["call_id"]) is None
