"""The ledger's record of each event. An event that has arrived is not sent again."""

from decimal import Decimal
from typing import Any

from infra.fakes.receiver import Answer, Manner
from infra.local.ledger import attempts
from infra.local.processes import until

from .business import TestBusiness, event_id_of
from .conftest import Businesses
from .queues import DeadLetters, wait_until_empty
from .waits import SECONDS


def test_delivered_event_is_in_the_ledger_with_its_attempt(business: TestBusiness) -> None:
    business.answers(Answer(200, b"thank\x1b[2Jyou", delay_s=0.05))
    event = business.publish()
    [request] = business.receives()
    record = business.recorded(event_id_of(request), status="delivered")
    assert (record["event_type"], record["attempts"], record["status_code"]) == ("call.completed", 1, 200)
    assert record["title"] == event["summary"][:80]
    assert record["delivered_at"] == attempts(record)[0]["at"]
    assert "last_delivered_at" not in record, "the first success is the last one"
    assert "cause" not in record
    [attempt] = attempts(record)
    assert attempt["snippet"] == "thank\ufffd[2Jyou", "control characters are replaced"
    assert "response_snippet" not in record, "the attempt has the whole answer"
    assert attempt["total_ms"] >= attempt["first_byte_ms"] >= 50
    assert days_kept(record) == 30


def days_kept(record: dict[str, Any]) -> float:
    """Give the days from a record's last change to its expiry."""
    return (int(record["expires_at"]) - int(record["updated_at"] / 1000)) / (24 * 3600)


def test_record_is_kept_for_the_days_of_its_business_unless_they_are_odd_or_more_than_the_stacks(
    business_for: Businesses,
) -> None:
    days = {1: 1, 7: 7, 30: 30, 31: 30, 0: 30, -1: 30, 10**9: 30, Decimal("1.5"): 30, "7": 30, "soon": 30, None: 30}
    businesses = business_for(days)
    for value, business in businesses.items():
        business.answers(200, retention_days=value)
        business.publish()
    records = {
        value: business.recorded(event_id_of(business.receives()[0]), "delivered")
        for value, business in businesses.items()
    }
    assert {value: days_kept(record) for value, record in records.items()} == days


def test_another_number_of_days_counts_from_the_next_write_on_and_a_held_event_does_not_expire(
    business: TestBusiness,
) -> None:
    business.answers(200)
    business.publish()
    event_id = event_id_of(business.receives()[0])
    assert days_kept(business.recorded(event_id, "delivered")) == 30
    business.answers(200, 200, 410, 200, retention_days=7)
    assert days_kept(business.recorded(event_id, "delivered")) == 30
    business.resend(event_id)
    until(lambda: days_kept(business.recorded(event_id, "delivered")) == 7, SECONDS, "the new number", every=0.1)
    business.publish()
    [held] = until(business.held, SECONDS, "a held event")
    assert "expires_at" not in business.recorded(held, "held")
    business.resume()
    assert days_kept(business.recorded(held, "delivered")) == 7


def test_every_failed_attempt_is_in_the_ledger_and_the_success_clears_the_cause(business: TestBusiness) -> None:
    business.answers(500, Answer(302, headers={"Location": "https://elsewhere.example/x"}), 200)
    business.publish()
    request = business.receives(3)[0]
    record = business.recorded(event_id_of(request), status="delivered")
    assert [attempt.get("cause") for attempt in attempts(record)] == ["status", "redirect", None]
    assert attempts(record)[1]["location"] == "https://elsewhere.example/x"
    assert record["attempts"] == 3
    assert "cause" not in record
    assert "next_attempt_at" not in record


def test_event_is_retrying_and_then_failed_in_the_ledger(business: TestBusiness, dead_letters: DeadLetters) -> None:
    business.answers(500)
    event = business.publish()
    event_id = event_id_of(business.receives()[0])
    waiting = business.recorded(event_id, status="retrying")
    assert waiting["cause"] == "status"
    assert waiting["next_attempt_at"] > waiting["updated_at"]
    dead_letters.wait(event["call_id"])
    assert business.recorded(event_id, status="failed")["attempts"] == 4


def test_delivered_event_is_sent_again_only_by_a_resend(business: TestBusiness) -> None:
    business.answers(200)
    event = business.publish()
    [first] = business.receives()
    before = business.recorded(event_id_of(first), status="delivered")
    business.publish(event)
    business.logs(message="duplicate")
    assert len(business.received()) == 1
    business.resend(event_id_of(first))
    _, again = business.receives(2)
    assert again.body == first.body, "the stored bytes are sent"
    assert again.headers["webhook-id"] == first.headers["webhook-id"]
    resent = until(lambda: _with_attempts(business, event_id_of(first), 2), SECONDS, "the resend's record", every=0.1)
    assert resent["delivered_at"] == before["delivered_at"] < resent["last_delivered_at"]


def _with_attempts(business: TestBusiness, event_id: str, count: int) -> dict[str, Any] | None:
    record = business.record_of(event_id)
    return record if record and record["attempts"] == count else None


def test_call_of_nearly_a_mebibyte_is_kept_and_resent_byte_for_byte(business: TestBusiness) -> None:
    business.answers(200)
    event = business.call()
    event["transcript"] += "שלום " * 20_000
    business.publish(event)
    [first] = business.receives()
    business.recorded(event_id_of(first), status="delivered")
    business.resend(event_id_of(first))
    assert business.receives(2)[1].body == first.body


def test_business_without_a_url_has_no_record(business: TestBusiness) -> None:
    business.stack.settings.put_item(Item={"business_id": business.id})
    business.publish()
    line = business.logs(message="not_configured")
    wait_until_empty(business.stack)
    assert "Item" not in business.stack.deliveries.get_item(Key=_key(business, line["event_id"]))


def test_hanging_endpoint_is_failing_after_five_attempts(business: TestBusiness) -> None:
    business.answers(Answer(manner=Manner.HANG))
    for _ in range(7):
        business.publish()
    until(lambda: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
    assert business.health()["cause"] == "timeout"


def _key(business: TestBusiness, event_id: str) -> dict[str, Any]:
    return {"business_id": business.id, "event_id": event_id}
