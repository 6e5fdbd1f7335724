"""What becomes of a message: when it is an attempt, when it comes back, and when another takes its place.

On the second stand-in for AWS, whose messages can be worn out and whose calls can be held up.
"""

import json
import time
from typing import Any

import pytest

from infra.fakes.aws_proxy import Gate, broken
from infra.fakes.receiver import Answer
from infra.fakes.second.stack import SecondStack
from infra.tests.business import DeadLetters, Merchant, event_id_of, log_lines
from infra.tests.notices import Notices
from infra.tests.portal import Owner

ATTEMPTS = 4
PARAMETERS = {
    "RetryScheduleSeconds": "1",
    "MaxAttempts": str(ATTEMPTS),
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
AT_ONCE = 5
"""So many attempts may wait at one endpoint, and so many failures make it failing."""

PAUSED = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "spent"}
HOUR_MS = 3_600_000


def deliveries_of(second: SecondStack) -> str:
    """Give the name of the ledger's table."""
    return second.outputs["DeliveriesTableName"]


def settings_of(second: SecondStack) -> str:
    """Give the name of the settings' table."""
    return second.outputs["SettingsTableName"]


def holds(merchant: Merchant, second: SecondStack, count: int) -> list[str]:
    """Publish calls to an endpoint that is paused until all are held, and give their ids in the order of a release."""
    for _ in range(count):
        merchant.publish()
    second.until(lambda: len(merchant.held()) == count, "held events")
    return merchant.held()


def arrived(merchant: Merchant) -> list[str]:
    """Give the ids of the events that have arrived, as they came."""
    return [event_id_of(request) for request in merchant.received()]


def test_what_was_delivered_since_a_resend_was_asked_for_is_not_sent_for_it_again(
    merchant: Merchant, second: SecondStack
) -> None:
    merchant.answers(200)
    merchant.publish()
    event_id = event_id_of(merchant.receives(1)[0])
    merchant.recorded(event_id, "delivered")
    asked_at = int(time.time() * 1000)
    command = {"command": "deliver", "business_id": merchant.id, "event_id": event_id, "resend_asked_at": asked_at}
    message = json.dumps(command, separators=(",", ":"))
    merchant.publish_text(message)
    merchant.receives(2)
    second.until(second.is_idle, "the resend acknowledged")
    # As it comes back from a process that died before its acknowledgement.
    merchant.publish_text(message)
    merchant.logs(message="duplicate", event_id=event_id)
    second.until(second.is_idle, "its end")
    assert len(merchant.received()) == 2


def test_two_presses_are_one_resend(owner: Owner, second: SecondStack) -> None:
    merchant = owner.merchant
    merchant.answers(200)
    merchant.publish()
    event_id = event_id_of(merchant.receives(1)[0])
    merchant.recorded(event_id, "delivered")
    with second.mapping.paused():
        pressed = [owner.post(f"/api/deliveries/{event_id}/resend").status for _ in range(2)]
        assert pressed == [202, 202]
        assert second.counts()["visible"] == 1
    merchant.receives(2)
    second.until(second.is_idle, "the resend acknowledged")
    owner.post(f"/api/deliveries/{event_id}/resend")
    assert len(merchant.receives(3)) == 3, "what has arrived can be asked for anew"


def test_a_release_writes_again_what_it_could_not_record_and_never_posts_it_again(
    merchant: Merchant, second: SecondStack
) -> None:
    merchant.answers(200, health=PAUSED)
    held = holds(merchant, second, 3)
    with second.proxy.rule(broken, "UpdateItem", table=deliveries_of(second), about=merchant.id) as rule:
        merchant.resume()
        second.until(lambda: rule.hits >= 6, "writes that were tried again")
        assert arrived(merchant) == held[:1]
    second.until(lambda: merchant.held() == [], "nothing held")
    second.until(second.is_idle, "the end of the release")
    assert arrived(merchant) == held


def test_a_delivery_that_could_not_be_recorded_is_recorded_later_and_not_posted_again(
    merchant: Merchant, second: SecondStack
) -> None:
    merchant.answers(200)
    with second.proxy.rule(broken, "UpdateItem", table=deliveries_of(second), about=merchant.id) as rule:
        merchant.publish()
        second.until(lambda: rule.hits >= 6, "writes that were tried again")
    record = merchant.recorded(arrived(merchant)[0], "delivered")
    assert record["attempts"] == 1
    assert len(merchant.received()) == 1


def test_a_delivery_that_cannot_be_recorded_in_all_its_time_is_acknowledged_and_logged(
    merchant: Merchant, second: SecondStack
) -> None:
    merchant.answers(200)
    rule = second.proxy.rule(broken, "UpdateItem", table=deliveries_of(second), about=merchant.id)
    with second.deliver.told(12), rule as writes:
        merchant.publish()
        line = merchant.logs(message="fault")
        second.until(second.is_idle, "its acknowledgement")
    assert line["level"] == "ERROR"
    assert writes.hits > 3, "more than one call of the SDK"
    assert len(merchant.received()) == 1


def test_an_event_that_is_held_while_its_endpoint_recovers_is_not_lost_to_its_last_receive(
    merchant: Merchant, second: SecondStack, dead_letters: DeadLetters
) -> None:
    merchant.answers(200, health=PAUSED)
    event = merchant.call()
    recorded = Gate(answered=True)
    with second.proxy.rule(recorded, "UpdateItem", table=deliveries_of(second), about=merchant.id):
        second.publish_worn((event, ATTEMPTS - 1))
        second.until(lambda: recorded.waiting == 1, "the event held")
        health = {"version": 2, "state": "active"}
        second.settings.update_item(
            Key={"business_id": merchant.id},
            UpdateExpression="SET health = :health",
            ExpressionAttributeValues={":health": health},
        )
    assert json.loads(merchant.receives(1)[0].body)["call_id"] == event["call_id"]
    second.until(second.is_idle, "its end")
    assert dead_letters.find(event["call_id"]) is None


def test_what_could_not_be_told_at_the_last_receive_gets_another_message(
    merchant: Merchant, second: SecondStack, dead_letters: DeadLetters
) -> None:
    merchant.answers(410)
    event = merchant.call()
    with second.proxy.rule(broken, "Publish", about=merchant.id):
        second.publish_worn((event, ATTEMPTS - 1))
        only_a_reference = {"visible": 0, "hidden": 0, "delayed": 1}
        second.until(lambda: second.counts() == only_a_reference, "a message that refers to the event, and no other")
    assert dead_letters.find(event["call_id"]) is None


def test_a_million_held_events_do_not_keep_a_notice_from_going_out(
    merchant: Merchant, second: SecondStack, notices: Notices
) -> None:
    merchant.answers(410)
    with second.deliveries.batch_writer() as writer:
        for number in range(1_200):
            held = f"2025-11-03T07:42:33.{number:03}Z#evt_{number:032x}"
            item = {"business_id": merchant.id, "event_id": f"evt_{number:032x}", "held": held, "status": "held"}
            writer.put_item(Item=item | {"occurred": held})
    with second.proxy.tally(merchant.id) as tally:
        merchant.publish()
        assert notices.wait(merchant, "paused")["held"] == 1_000
    assert tally.calls["dynamodb.Query"] == 1


@pytest.mark.parametrize(
    ("state", "wakes"),
    [({"reason": "spent"}, True), ({"reason": "gone"}, True), ({"reason": "owner"}, False)],
    ids=["spent", "gone", "wished"],
)
def test_another_header_wakes_what_waits_unless_its_owner_wished_it(
    owner: Owner, second: SecondStack, state: dict[str, str], *, wakes: bool
) -> None:
    merchant = owner.merchant
    merchant.answers(200)
    header = {"name": "X-Key", "value": "wrong-key-1234"}
    assert owner.saves(owner.url, static_header=header).status == 200
    merchant.publish()
    merchant.receives(1)
    assert owner.post("/api/pause").status == 200
    _change_health(merchant, second, state)
    held = holds(merchant, second, 2)
    assert owner.saves(owner.url, static_header=header | {"value": "right-key-5678"}).status == 200
    if wakes:
        assert [event_id_of(request) for request in merchant.receives(3)[1:]] == held
        assert merchant.received()[1].headers["x-key"] == "right-key-5678"
        return
    second.until(second.is_idle, "nothing to do")
    assert merchant.held() == held
    assert owner.get("/api/settings").json["paused_reason"] == "owner"


def test_another_secret_wakes_what_waits(owner: Owner, second: SecondStack) -> None:
    merchant = owner.merchant
    merchant.answers(200)
    assert owner.saves(owner.url).status == 200
    merchant.publish()
    merchant.receives(1)
    assert owner.post("/api/pause").status == 200
    _change_health(merchant, second, {"reason": "spent"})
    held = holds(merchant, second, 2)
    assert owner.post("/api/signing-secret/rotate").status == 200
    assert [event_id_of(request) for request in merchant.receives(3)[1:]] == held


def test_a_header_that_another_system_corrects_wakes_what_waits_with_the_next_event(
    merchant: Merchant, second: SecondStack
) -> None:
    merchant.answers(410, 200, static_header_name="X-Key", static_header_value="wrong")
    merchant.publish()
    second.until(lambda: len(merchant.held()) == 1, "a held event")
    second.settings.update_item(
        Key={"business_id": merchant.id},
        UpdateExpression="SET static_header_value = :value",
        ExpressionAttributeValues={":value": "right"},
    )
    merchant.publish()
    assert {request.headers["x-key"] for request in merchant.receives(3)[1:]} == {"right"}
    second.until(lambda: merchant.held() == [], "nothing held")


def _change_health(merchant: Merchant, second: SecondStack, changes: dict[str, Any]) -> None:
    health = merchant.health()
    second.settings.update_item(
        Key={"business_id": merchant.id},
        UpdateExpression="SET health = :health",
        ExpressionAttributeValues={":health": health | changes | {"version": health["version"] + 1}},
    )


@pytest.mark.parametrize(("minutes", "is_attempted"), [(61, True), (10, False)], ids=["patient", "not_yet"])
def test_crowding_has_an_end(merchant: Merchant, second: SecondStack, minutes: int, *, is_attempted: bool) -> None:
    now = int(time.time() * 1_000_000)
    merchant.answers(200, waiting={now + 50_000_000 + number for number in range(AT_ONCE)})
    since = str(now // 1_000 - minutes * 60_000)
    with second.mapping.paused():
        second.queue.send_message(
            QueueUrl=second.events_url,
            MessageBody=json.dumps(merchant.call()),
            MessageGroupId=merchant.id,
            MessageAttributes={"crowded_since": {"DataType": "Number", "StringValue": since}},
        )
    if is_attempted:
        merchant.receives(1)
        return
    merchant.logs(message="crowded")
    assert merchant.received() == []
    merchant.answers(200, waiting=None)
    merchant.receives(1)


def test_a_crowded_message_that_is_sent_anew_says_since_when(
    merchant: Merchant, second: SecondStack, dead_letters: DeadLetters
) -> None:
    now = int(time.time() * 1_000_000)
    merchant.answers(200, waiting={now + 50_000_000 + number for number in range(AT_ONCE)})
    event = merchant.call()
    before = len(second.batches)
    second.publish_worn((event, ATTEMPTS - 1))
    merchant.logs(message="crowded")
    merchant.answers(200, waiting=None)
    merchant.receives(1)
    assert dead_letters.find(event["call_id"]) is None
    records = [record for batch in second.batches[before:] for record in batch.records]
    [anew] = [record for record in records if "crowded_since" in record["messageAttributes"]]
    since = int(anew["messageAttributes"]["crowded_since"]["stringValue"])
    assert abs(since - now / 1_000) < HOUR_MS
    assert int(anew["messageAttributes"]["first_sent"]["stringValue"]) <= since


def test_of_states_that_are_stored_from_one_version_one_wins_and_the_others_count_on(
    merchant: Merchant, second: SecondStack
) -> None:
    merchant.answers(500, health={"version": 3, "state": "active"})
    stores = Gate()
    with second.proxy.rule(stores, "UpdateItem", table=settings_of(second), about=merchant.id):
        second.publish_together(*(merchant.call() for _ in range(AT_ONCE)))
        second.until(lambda: stores.waiting == AT_ONCE, "five that have read the same")
    second.until(lambda: merchant.health().get("state") == "failing", "all five counted")
    merchant.receiver.script(merchant.path, Answer(200))
    second.until(lambda: merchant.health().get("state") == "active", "a recovery")


def test_an_event_that_the_ledger_has_lost_does_not_keep_back_those_behind_it(
    merchant: Merchant, second: SecondStack, dead_letters: DeadLetters
) -> None:
    merchant.answers(200, health=PAUSED)
    held = holds(merchant, second, 3)
    key = {"business_id": merchant.id, "event_id": held[1]}
    second.deliveries.update_item(Key=key, UpdateExpression="REMOVE body")
    merchant.resume()
    merchant.receives(2)
    second.until(lambda: merchant.held() == [], "nothing held")
    assert arrived(merchant) == [held[0], held[2]]
    letter = dead_letters.wait(held[1])
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "not_kept"
    record = merchant.record_of(held[1])
    assert record is not None
    assert record["status"] == "failed"
    assert record["expires_at"] > time.time()


def test_unchanged_secrets_are_read_once_by_a_process(merchant: Merchant, second: SecondStack) -> None:
    merchant.answers(200)
    processes = second.deliver.environments
    with second.proxy.tally() as tally:
        for _ in range(3 * processes):
            merchant.publish()
        merchant.receives(3 * processes)
    assert tally.calls["secretsmanager.GetSecretValue"] <= processes


def lines(second: SecondStack, message: str) -> list[dict[str, Any]]:
    """Give the log's lines of a name."""
    return [line for line in log_lines(second) if line["message"] == message]


def test_nothing_panicked_was_overdue_or_asked_for_what_was_refused(second: SecondStack) -> None:
    second.until(second.is_idle, "the end of all work", seconds=60)
    assert second.proxy.unexpected() == []
    assert lines(second, "panicked") + lines(second, "overdue") == []
