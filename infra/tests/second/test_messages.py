"""The fate of a message: when it is attempted, when it comes back, and when another message takes its place.

On the second stand-in for AWS, whose messages can be worn out and whose calls can be held up.
"""

import json
import time
from contextlib import ExitStack
from typing import Any

import pytest

from infra.fakes.aws_proxy import Gate, broken
from infra.fakes.receiver import Answer
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness, event_id_of
from infra.tests.logs import log_lines
from infra.tests.notices import Notices
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
AT_ONCE = 5
"""The attempts that may wait at one endpoint, and the failures that make an endpoint failing."""

PAUSED = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "spent"}
HOUR_MS = 3_600_000


def deliveries_of(second: SecondStack) -> str:
    """Give the name of the ledger's table."""
    return second.outputs["DeliveriesTableName"]


def settings_of(second: SecondStack) -> str:
    """Give the name of the settings' table."""
    return second.outputs["SettingsTableName"]


def holds(business: TestBusiness, second: SecondStack, count: int) -> list[str]:
    """Publish calls to an endpoint that is paused until all are held, and give their ids in the order of a replay."""
    for _ in range(count):
        business.publish()
    second.until(lambda: len(business.held()) == count, "held events")
    return business.held()


def arrived(business: TestBusiness) -> list[str]:
    """Give the ids of the events that have arrived, as they came."""
    return [event_id_of(request) for request in business.received()]


def test_what_was_delivered_since_a_resend_was_asked_for_is_not_sent_for_it_again(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(200)
    business.publish()
    event_id = event_id_of(business.receives(1)[0])
    business.recorded(event_id, "delivered")
    asked_at = int(time.time() * 1000)
    command = {"command": "deliver", "business_id": business.id, "event_id": event_id, "resend_asked_at": asked_at}
    message = json.dumps(command, separators=(",", ":"))
    business.publish_text(message)
    business.receives(2)
    second.until(second.is_idle, "the resend acknowledged")
    # As it comes back from a process that died before its acknowledgement.
    business.publish_text(message)
    business.logs(message="duplicate", event_id=event_id)
    second.until(second.is_idle, "its end")
    assert len(business.received()) == 2


def test_two_presses_are_one_resend(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(200)
    business.publish()
    event_id = event_id_of(business.receives(1)[0])
    business.recorded(event_id, "delivered")
    with second.mapping.paused():
        pressed = [owner.post(f"/api/deliveries/{event_id}/resend").status for _ in range(2)]
        assert pressed == [202, 202]
        assert second.counts()["visible"] == 1
    business.receives(2)
    second.until(second.is_idle, "the resend acknowledged")
    owner.post(f"/api/deliveries/{event_id}/resend")
    assert len(business.receives(3)) == 3, "what has arrived can be asked for anew"


def test_a_replay_writes_again_what_it_could_not_record_and_never_posts_it_again(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(Answer(200, delay_s=1), Answer(200), health=PAUSED)
    held = holds(business, second, 3)
    business.resume()
    business.receives(1)
    with second.proxy.rule(broken, "UpdateItem", table=deliveries_of(second), about=business.id) as rule:
        second.until(lambda: rule.hits >= 6, "writes that were tried again")
        assert arrived(business) == held[:1]
    second.until(lambda: business.held() == [], "nothing held")
    second.until(second.is_idle, "the end of the replay")
    assert arrived(business) == held


def test_a_delivery_that_could_not_be_recorded_is_recorded_later_and_not_posted_again(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(200)
    with second.proxy.rule(broken, "UpdateItem", table=deliveries_of(second), about=business.id) as rule:
        business.publish()
        second.until(lambda: rule.hits >= 6, "writes that were tried again")
    record = business.recorded(arrived(business)[0], "delivered")
    assert record["attempts"] == 1
    assert len(business.received()) == 1


def test_a_delivery_that_cannot_be_recorded_in_all_its_time_is_acknowledged_and_logged(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(200)
    rule = second.proxy.rule(broken, "UpdateItem", table=deliveries_of(second), about=business.id)
    with second.deliver.deadline_in(12), rule as writes:
        business.publish()
        line = business.logs(message="fault")
        second.until(second.is_idle, "its acknowledgement")
    assert line["level"] == "ERROR"
    assert writes.hits > 3, "more than one call of the SDK"
    assert len(business.received()) == 1


def test_an_event_that_is_held_while_its_endpoint_recovers_goes_out_with_the_next_sweep(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters
) -> None:
    business.answers(200, health=PAUSED)
    event = business.call()
    recorded = Gate(answered=True)
    with second.proxy.rule(recorded, "UpdateItem", table=deliveries_of(second), about=business.id):
        second.publish_received((event, ATTEMPTS - 1))
        second.until(lambda: recorded.held_up == 1, "the event held")
        health = {"version": 2, "state": "active"}
        second.settings.update_item(
            Key={"business_id": business.id},
            UpdateExpression="SET health = :health",
            ExpressionAttributeValues={":health": health},
        )
    second.until(second.is_idle, "the event acknowledged")
    assert business.received() == []
    assert second.sweep() == {"probes": 0, "replays": 1, "notices": 0}
    assert json.loads(business.receives(1)[0].body)["call_id"] == event["call_id"]
    second.until(second.is_idle, "its end")
    assert dead_letters.find(event["call_id"]) is None


def test_a_million_held_events_do_not_keep_a_notice_from_going_out(
    business: TestBusiness, second: SecondStack, notices: Notices
) -> None:
    business.answers(410)
    with second.deliveries.batch_writer() as writer:
        for number in range(1_200):
            held = f"2025-11-03T07:42:33.{number:03}Z#evt_{number:032x}"
            item = {"business_id": business.id, "event_id": f"evt_{number:032x}", "held": held, "status": "held"}
            writer.put_item(Item=item | {"occurred": held})
    with second.proxy.tally(business.id) as tally:
        business.publish()
        assert notices.wait(business, "paused")["held"] == 1_000
    assert tally.calls["dynamodb.Query"] == 1


@pytest.mark.parametrize(
    ("state", "wakes"),
    [({"reason": "spent"}, True), ({"reason": "gone"}, True), ({"reason": "owner"}, False)],
    ids=["spent", "gone", "wished"],
)
def test_another_header_wakes_what_waits_unless_its_owner_wished_it(
    owner: Owner, second: SecondStack, state: dict[str, str], *, wakes: bool
) -> None:
    business = owner.business
    business.answers(200)
    header = {"name": "X-Key", "value": "wrong-key-1234"}
    assert owner.saves(owner.url, static_header=header).status == 200
    business.publish()
    business.receives(1)
    assert owner.post("/api/pause").status == 200
    _change_health(business, second, state)
    held = holds(business, second, 2)
    assert owner.saves(owner.url, static_header=header | {"value": "right-key-5678"}).status == 200
    if wakes:
        assert [event_id_of(request) for request in business.receives(3)[1:]] == held
        assert business.received()[1].headers["x-key"] == "right-key-5678"
        return
    second.until(second.is_idle, "nothing to do")
    assert business.held() == held
    assert owner.get("/api/settings").json["paused_reason"] == "owner"


def test_another_secret_wakes_what_waits(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(200)
    assert owner.saves(owner.url).status == 200
    business.publish()
    business.receives(1)
    assert owner.post("/api/pause").status == 200
    _change_health(business, second, {"reason": "spent"})
    held = holds(business, second, 2)
    assert owner.post("/api/signing-secret/rotate").status == 200
    assert [event_id_of(request) for request in business.receives(3)[1:]] == held


def test_a_header_that_another_system_corrects_wakes_what_waits_with_the_next_event(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(410, 200, static_header_name="X-Key", static_header_value="wrong")
    business.publish()
    second.until(lambda: len(business.held()) == 1, "a held event")
    second.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET static_header_value = :value",
        ExpressionAttributeValues={":value": "right"},
    )
    business.publish()
    assert {request.headers["x-key"] for request in business.receives(3)[1:]} == {"right"}
    second.until(lambda: business.held() == [], "nothing held")


def _change_health(business: TestBusiness, second: SecondStack, changes: dict[str, Any]) -> None:
    health = business.health()
    second.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET health = :health",
        ExpressionAttributeValues={":health": health | changes | {"version": health["version"] + 1}},
    )


@pytest.mark.parametrize(("minutes", "is_attempted"), [(61, True), (10, False)], ids=["patient", "not_yet"])
def test_crowding_has_an_end(business: TestBusiness, second: SecondStack, minutes: int, *, is_attempted: bool) -> None:
    now = int(time.time() * 1_000_000)
    business.answers(200, waiting={now + 50_000_000 + number for number in range(AT_ONCE)})
    since = str(now // 1_000 - minutes * 60_000)
    # At its last receive: if there is no place for it, another takes its own.
    second.publish_received(
        (business.call(), ATTEMPTS - 1), attributes={"crowded_since": {"DataType": "Number", "StringValue": since}}
    )
    if is_attempted:
        business.receives(1)
        return
    business.logs(message="crowded")
    assert business.received() == []
    business.answers(200, waiting=None)
    business.receives(1)
    records = [record for batch in second.batches for record in batch.records if business.id in record["body"]]
    said = [record["messageAttributes"]["crowded_since"]["stringValue"] for record in records]
    assert [record["attributes"]["ApproximateReceiveCount"] for record in records] == [str(ATTEMPTS), "1"]
    assert said == [since, since], "the first time, carried over"


def test_a_crowded_message_that_is_sent_anew_says_since_when(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters
) -> None:
    now = int(time.time() * 1_000_000)
    business.answers(200, waiting={now + 50_000_000 + number for number in range(AT_ONCE)})
    event = business.call()
    before = len(second.batches)
    second.publish_received((event, ATTEMPTS - 1))
    business.logs(message="crowded")
    business.answers(200, waiting=None)
    business.receives(1)
    assert dead_letters.find(event["call_id"]) is None
    records = [record for batch in second.batches[before:] for record in batch.records]
    [anew] = [record for record in records if "crowded_since" in record["messageAttributes"]]
    since = int(anew["messageAttributes"]["crowded_since"]["stringValue"])
    assert abs(since - now / 1_000) < HOUR_MS
    assert int(anew["messageAttributes"]["first_sent"]["stringValue"]) <= since


@pytest.mark.parametrize("settings", [{"health": {"version": 3, "state": "active"}}, {}], ids=["a_version", "none"])
def test_of_states_that_are_stored_from_one_version_one_wins_and_the_others_count_on(
    business: TestBusiness, second: SecondStack, settings: dict[str, Any]
) -> None:
    business.answers(500, **settings)
    stores = Gate()
    with ExitStack() as meanwhile:
        with second.proxy.rule(stores, "UpdateItem", table=settings_of(second), about=business.id):
            second.publish_together(*(business.call() for _ in range(AT_ONCE)))
            second.until(lambda: stores.held_up == AT_ONCE, "five that have read the same")
            # Nobody comes back to count a second time.
            meanwhile.enter_context(second.mapping.paused())
        second.until(lambda: business.health().get("state") == "failing", "all five counted")
        assert len(business.received()) == AT_ONCE
    business.receiver.script(business.path, Answer(200))
    second.until(lambda: business.health().get("state") == "active", "a recovery")
    second.until(second.is_idle, "the end of its replay")


def test_an_event_that_the_ledger_has_lost_does_not_keep_back_those_behind_it(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters
) -> None:
    business.answers(200, health=PAUSED)
    held = holds(business, second, 3)
    key = {"business_id": business.id, "event_id": held[1]}
    second.deliveries.update_item(Key=key, UpdateExpression="REMOVE body")
    business.resume()
    business.receives(2)
    second.until(lambda: business.held() == [], "nothing held")
    assert arrived(business) == [held[0], held[2]]
    letter = dead_letters.wait(held[1])
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "not_kept"
    record = business.record_of(held[1])
    assert record is not None
    assert record["status"] == "failed"
    assert record["expires_at"] > time.time()


def test_unchanged_secrets_are_read_once_by_a_process(business: TestBusiness, second: SecondStack) -> None:
    business.answers(200)
    processes = second.deliver.environments
    with second.proxy.tally() as tally:
        for _ in range(3 * processes):
            business.publish()
        business.receives(3 * processes)
    assert tally.calls["secretsmanager.GetSecretValue"] <= processes


def lines(second: SecondStack, message: str) -> list[dict[str, Any]]:
    """Give the log's lines of a name."""
    return [line for line in log_lines(second) if line["message"] == message]


def test_nothing_panicked_was_overdue_or_asked_for_what_was_refused(second: SecondStack) -> None:
    second.until(second.is_idle, "the end of all work", seconds=60)
    assert second.proxy.unexpected() == []
    assert lines(second, "panicked") + lines(second, "overdue") == []
