"""The fate of a message: when it is attempted, when it returns to the queue, and when a new message replaces it."""

import json
import time
from contextlib import ExitStack
from typing import Any

import pytest

from infra.fakes.aws_proxy import RECORD_WRITES, Gate, broken
from infra.fakes.receiver import Answer
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness, event_id_of
from infra.tests.logs import log_lines
from infra.tests.notices import Notices
from infra.tests.portal import Owner
from infra.tests.queues import DeadLetters

pytestmark = [pytest.mark.second, pytest.mark.edges]

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ATTEMPTS = 4
PARAMETERS = {
    "RetryScheduleSeconds": "1",
    "MaxAttempts": str(ATTEMPTS),
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
MAX_IN_FLIGHT = 5
"""The attempts that may be in flight at one endpoint, and the failures that make an endpoint failing."""

PAUSED = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "spent"}
HOUR_MS = 3_600_000


def deliveries_of(second: SecondStack) -> str:
    """Give the name of the ledger's table."""
    return second.outputs["DeliveriesTableName"]


def settings_of(second: SecondStack) -> str:
    """Give the name of the settings' table."""
    return second.outputs["SettingsTableName"]


def test_event_that_was_delivered_since_its_resend_was_requested_is_not_sent_again(
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
    # The same message returns if a process dies before its acknowledgement.
    business.publish_text(message)
    business.logs(message="duplicate", event_id=event_id)
    second.until(second.is_idle, "the end of that message")
    assert len(business.received()) == 2


def test_two_requests_are_one_resend(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(200)
    business.publish()
    event_id = event_id_of(business.receives(1)[0])
    business.recorded(event_id, "delivered")
    with second.mapping.paused():
        statuses = [owner.post(f"/api/deliveries/{event_id}/resend").status for _ in range(2)]
        assert statuses == [202, 202]
        assert second.counts()["visible"] == 1
    business.receives(2)
    second.until(second.is_idle, "the resend acknowledged")
    owner.post(f"/api/deliveries/{event_id}/resend")
    assert len(business.receives(3)) == 3, "a resend can be requested again after it has arrived"


def test_replay_repeats_the_write_of_a_record_and_not_the_post(business: TestBusiness, second: SecondStack) -> None:
    business.answers(Answer(200, delay_s=1), Answer(200), health=PAUSED)
    held = business.hold(3)
    business.resume()
    business.receives(1)
    with second.proxy.rule(broken, *RECORD_WRITES, table=deliveries_of(second), about=business.id) as rule:
        second.until(lambda: rule.hits >= 6, "writes that were tried again")
        assert business.arrived() == held[:1]
    second.until(lambda: business.held() == [], "nothing held")
    second.until(second.is_idle, "the end of the replay")
    assert business.arrived() == held


def test_delivery_that_could_not_be_recorded_is_recorded_later_and_not_posted_again(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(200)
    with second.proxy.rule(broken, *RECORD_WRITES, table=deliveries_of(second), about=business.id) as rule:
        business.publish()
        second.until(lambda: rule.hits >= 6, "writes that were tried again")
    record = business.recorded(business.arrived()[0], "delivered")
    assert record["attempts"] == 1
    assert len(business.received()) == 1


def test_delivery_that_cannot_be_recorded_until_the_deadline_is_acknowledged_and_logged(
    business: TestBusiness, second: SecondStack
) -> None:
    business.answers(200)
    rule = second.proxy.rule(broken, *RECORD_WRITES, table=deliveries_of(second), about=business.id)
    with second.deliver.deadline_in(12), rule as writes:
        business.publish()
        line = business.logs(message="fault")
        second.until(second.is_idle, "the acknowledgement")
    assert line["level"] == "ERROR"
    assert writes.hits > 3, "the record is written by more than one call of the SDK"
    assert len(business.received()) == 1


def test_event_that_is_held_while_its_endpoint_recovers_is_sent_by_the_next_sweep(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters
) -> None:
    business.answers(200, health=PAUSED)
    event = business.call()
    recorded = Gate(answered=True)
    with second.proxy.rule(recorded, *RECORD_WRITES, table=deliveries_of(second), about=business.id):
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
    second.until(second.is_idle, "the end of that message")
    assert dead_letters.find(event["call_id"]) is None


def test_notice_is_sent_after_one_query_for_at_most_1000_held_events(
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
    ("state", "is_resumed"),
    [({"reason": "spent"}, True), ({"reason": "gone"}, True), ({"reason": "owner"}, False)],
    ids=["spent", "gone", "by_the_owner"],
)
def test_another_header_has_held_events_sent_unless_the_owner_has_paused(
    owner: Owner, second: SecondStack, state: dict[str, str], *, is_resumed: bool
) -> None:
    business = owner.business
    business.answers(200)
    header = {"name": "X-Key", "value": "wrong-key-1234"}
    assert owner.saves(owner.url, static_header=header).status == 200
    business.publish()
    business.receives(1)
    assert owner.post("/api/pause").status == 200
    _change_health(business, second, state)
    held = business.hold(2)
    assert owner.saves(owner.url, static_header=header | {"value": "right-key-5678"}).status == 200
    if is_resumed:
        assert [event_id_of(request) for request in business.receives(3)[1:]] == held
        assert business.received()[1].headers["x-key"] == "right-key-5678"
        return
    second.until(second.is_idle, "the end of all work")
    assert business.held() == held
    assert owner.get("/api/settings").json["paused_reason"] == "owner"


def test_another_secret_has_held_events_sent(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(200)
    assert owner.saves(owner.url).status == 200
    business.publish()
    business.receives(1)
    assert owner.post("/api/pause").status == 200
    _change_health(business, second, {"reason": "spent"})
    held = business.hold(2)
    assert owner.post("/api/signing-secret/rotate").status == 200
    assert [event_id_of(request) for request in business.receives(3)[1:]] == held


def test_header_that_another_system_corrects_has_held_events_sent_after_the_next_event(
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


@pytest.mark.parametrize(("minutes", "is_attempted"), [(61, True), (10, False)], ids=["after_an_hour", "before"])
def test_event_is_attempted_at_an_endpoint_that_stays_at_capacity_for_an_hour(
    business: TestBusiness, second: SecondStack, minutes: int, *, is_attempted: bool
) -> None:
    now = int(time.time() * 1_000_000)
    business.answers(200, in_flight={now + 50_000_000 + number for number in range(MAX_IN_FLIGHT)})
    since = str(now // 1_000 - minutes * 60_000)
    # At the last receive, a message without a place among the attempts is replaced by a new message.
    second.publish_received(
        (business.call(), ATTEMPTS - 1), attributes={"at_capacity_since": {"DataType": "Number", "StringValue": since}}
    )
    if is_attempted:
        business.receives(1)
        return
    business.logs(message="at_capacity")
    assert business.received() == []
    business.answers(200, in_flight=None)
    business.receives(1)
    records = [record for batch in second.batches for record in batch.records if business.id in record["body"]]
    carried_over = [record["messageAttributes"]["at_capacity_since"]["stringValue"] for record in records]
    assert [record["attributes"]["ApproximateReceiveCount"] for record in records] == [str(ATTEMPTS), "1"]
    assert carried_over == [since, since]


def test_message_that_is_sent_anew_at_capacity_has_the_time_since_when(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters
) -> None:
    now = int(time.time() * 1_000_000)
    business.answers(200, in_flight={now + 50_000_000 + number for number in range(MAX_IN_FLIGHT)})
    event = business.call()
    before = len(second.batches)
    given = {"traceparent": {"DataType": "String", "StringValue": TRACEPARENT}}
    second.publish_received((event, ATTEMPTS - 1), attributes=given)
    business.logs(message="at_capacity", trace_id=TRACEPARENT[3:35])
    business.answers(200, in_flight=None)
    [request] = business.receives(1)
    assert request.headers["traceparent"] == TRACEPARENT
    assert dead_letters.find(event["call_id"]) is None
    records = [record for batch in second.batches[before:] for record in batch.records]
    [anew] = [record for record in records if "at_capacity_since" in record["messageAttributes"]]
    since = int(anew["messageAttributes"]["at_capacity_since"]["stringValue"])
    assert abs(since - now / 1_000) < HOUR_MS
    assert int(anew["messageAttributes"]["first_sent"]["stringValue"]) <= since


@pytest.mark.parametrize("settings", [{"health": {"version": 3, "state": "active"}}, {}], ids=["a_version", "none"])
def test_failures_that_read_the_same_version_are_all_counted(
    business: TestBusiness, second: SecondStack, settings: dict[str, Any]
) -> None:
    business.answers(500, **settings)
    stores = Gate()
    with ExitStack() as meanwhile:
        with second.proxy.rule(stores, "UpdateItem", table=settings_of(second), about=business.id):
            second.publish_together(*(business.call() for _ in range(MAX_IN_FLIGHT)))
            second.until(lambda: stores.held_up == MAX_IN_FLIGHT, "five attempts that have read the same version")
            # No message may return and count a second time.
            meanwhile.enter_context(second.mapping.paused())
        second.until(lambda: business.health().get("state") == "failing", "five counted failures")
        assert len(business.received()) == MAX_IN_FLIGHT
    business.receiver.script(business.path, Answer(200))
    second.until(lambda: business.health().get("state") == "active", "a recovery")
    second.until(second.is_idle, "the end of the replay")


def test_replay_continues_after_an_event_whose_body_is_lost(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters
) -> None:
    business.answers(200, health=PAUSED)
    held = business.hold(3)
    key = {"business_id": business.id, "event_id": held[1]}
    second.deliveries.update_item(Key=key, UpdateExpression="REMOVE body")
    business.resume()
    business.receives(2)
    second.until(lambda: business.held() == [], "nothing held")
    assert business.arrived() == [held[0], held[2]]
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
    """Give the log's lines with this message."""
    return [line for line in log_lines(second) if line["message"] == message]


def test_no_panic_no_overdue_message_and_no_refused_call(second: SecondStack) -> None:
    second.until(second.is_idle, "the end of all work", seconds=60)
    assert second.proxy.unexpected() == []
    assert lines(second, "panicked") + lines(second, "overdue") == []
