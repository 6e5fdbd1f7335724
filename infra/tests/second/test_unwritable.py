"""While a table or a queue takes nothing, an event is sent no more often than it must be, and nothing is given up."""

import base64
import json
import random
import time

import pytest

from infra.fakes.aws_proxy import broken
from infra.fakes.second.stack import SecondStack
from infra.tests.business import DeadLetters, Merchant, event_id_of, log_lines
from infra.tests.portal import Owner

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


def arrived(merchant: Merchant) -> list[str]:
    """Give the ids of the events that have arrived, as they came."""
    return [event_id_of(request) for request in merchant.received()]


def holds(merchant: Merchant, second: SecondStack, count: int) -> list[str]:
    """Publish calls to an endpoint that is paused until all are held, and give their ids in the order of a release."""
    for _ in range(count):
        merchant.publish()
    second.until(lambda: len(merchant.held()) == count, "held events")
    return merchant.held()


def tokens(merchant: Merchant, second: SecondStack) -> int:
    """Count how often a token of a business's release has been received."""
    bodies = [record["body"] for batch in second.batches for record in batch.records]
    return sum(merchant.id in body and '"command":"release"' in body for body in bodies)


def faults(merchant: Merchant) -> int:
    """Count the faults that were logged about a business."""
    lines = log_lines(merchant.stack)
    return sum(line["message"] == "fault" and line.get("business_id") == merchant.id for line in lines)


def test_a_release_that_cannot_record_what_has_arrived_sends_it_again_once_and_no_more(
    merchant: Merchant, second: SecondStack
) -> None:
    merchant.answers(200, health=PAUSED)
    held = holds(merchant, second, 3)
    ledger = second.outputs["DeliveriesTableName"]
    # No longer than an attempt and a few tries to record it take.
    with second.deliver.told(9), second.proxy.rule(broken, "UpdateItem", table=ledger, about=merchant.id):
        merchant.resume()
        second.until(lambda: tokens(merchant, second) >= ATTEMPTS + 2, "a token that has come back, and its successor")
        assert arrived(merchant) == held[:1]
    second.until(lambda: merchant.held() == [], "nothing held")
    second.until(second.is_idle, "the end of the release")
    assert arrived(merchant) == held[:1] + held


def test_an_event_that_may_try_first_is_not_sent_while_that_cannot_be_stored(
    merchant: Merchant, second: SecondStack
) -> None:
    event = merchant.call()
    merchant.answers(200, health=FAILING)
    with second.proxy.rule(broken, "UpdateItem", about=merchant.id):
        merchant.publish(event)
        second.until(lambda: faults(merchant) >= 2, "a second try")
        assert merchant.received() == []
    assert json.loads(merchant.receives(1)[0].body)["call_id"] == event["call_id"]
    second.until(lambda: merchant.health()["state"] == "active", "a recovery")


def test_a_resend_for_which_no_message_could_be_sent_can_be_asked_for_again_at_once(
    owner: Owner, second: SecondStack
) -> None:
    merchant = owner.merchant
    merchant.answers(200)
    merchant.publish()
    event_id = event_id_of(merchant.receives(1)[0])
    merchant.recorded(event_id, "delivered")
    with second.proxy.rule(broken, "SendMessage", about=merchant.id):
        assert owner.post(f"/api/deliveries/{event_id}/resend").status == 503
    assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    merchant.receives(2)
    second.until(second.is_idle, "the resend acknowledged")
    assert len(merchant.received()) == 2


@pytest.mark.parametrize("kept_by", ["fault", "retry_after"])
def test_a_token_that_waits_at_its_last_receive_gets_a_successor(
    merchant: Merchant, second: SecondStack, dead_letters: DeadLetters, kept_by: str
) -> None:
    merchant.answers(200, health=PAUSED)
    held = holds(merchant, second, 2)
    begins = int(time.time() * 1000) + (LATER_S * 1000 if kept_by == "retry_after" else 0)
    release = {"release_run": 2, "release_step": 0, "release_at": begins}
    second.settings.update_item(
        Key={"business_id": merchant.id},
        UpdateExpression="SET health = :health",
        ExpressionAttributeValues={":health": {"version": 2, "state": "active"} | release},
    )
    token = {"command": "release", "business_id": merchant.id, "run": 2, "step": 0}
    token = json.dumps(token, separators=(",", ":"))
    if kept_by == "fault":
        with second.proxy.rule(broken, "Query", about=merchant.id):
            second.publish_worn((token, ATTEMPTS - 1))
            second.until(lambda: faults(merchant) >= 1, "a list that was not given")
    else:
        second.publish_worn((token, ATTEMPTS - 1))
    second.until(lambda: merchant.held() == [], "nothing held")
    assert arrived(merchant) == held
    assert dead_letters.find(merchant.id) is None


def test_what_is_too_large_to_be_kept_takes_its_own_place_at_its_last_receive(
    merchant: Merchant, second: SecondStack, dead_letters: DeadLetters
) -> None:
    # Text that hardly compresses.
    event = merchant.call(transcript=base64.b64encode(random.Random(LONG_AGO).randbytes(525_000)).decode())
    merchant.answers(200, health=FAILING)
    with second.proxy.watching("SendMessage") as sent, second.proxy.rule(broken, "Publish", about=merchant.id):
        second.publish_worn((event, ATTEMPTS - 1))
        # Of a recovery that could not be told.
        second.until(lambda: any(event["call_id"] in said["MessageBody"] for said in sent), "the event sent anew")
    assert len(merchant.received()) == 1
    assert dead_letters.find(event["call_id"]) is None
