"""What the ledger says of each event, and that one that has arrived is not sent again."""

from typing import Any

from infra.fakes.receiver import Answer, Manner
from infra.local.ledger import attempts
from infra.local.processes import until

from .business import SECONDS, DeadLetters, Merchant, event_id_of, wait_until_empty


def test_delivered_event_is_in_the_ledger_with_its_attempt(merchant: Merchant) -> None:
    merchant.answers(Answer(200, b"thank\x1b[2Jyou", delay_s=0.05))
    merchant.publish()
    [request] = merchant.receives()
    record = merchant.recorded(event_id_of(request), status="delivered")
    assert (record["event_type"], record["attempts"], record["status_code"]) == ("call.completed", 1, 200)
    assert "cause" not in record
    assert record["response_snippet"] == "thank\ufffd[2Jyou", "controls are made safe"
    [attempt] = attempts(record)
    assert attempt["total_ms"] >= attempt["first_byte_ms"] >= 50
    assert record["expires_at"] - int(record["updated_at"] / 1000) == 30 * 24 * 3600


def test_every_failed_attempt_is_in_the_ledger_and_the_success_clears_the_cause(merchant: Merchant) -> None:
    merchant.answers(500, Answer(302, headers={"Location": "https://elsewhere.example/x"}), 200)
    merchant.publish()
    request = merchant.receives(3)[0]
    record = merchant.recorded(event_id_of(request), status="delivered")
    assert [attempt.get("cause") for attempt in attempts(record)] == ["status", "redirect", None]
    assert attempts(record)[1]["location"] == "https://elsewhere.example/x"
    assert record["attempts"] == 3
    assert "cause" not in record
    assert "next_attempt_at" not in record


def test_waiting_and_spent_events_are_in_the_ledger(merchant: Merchant, dead_letters: DeadLetters) -> None:
    merchant.answers(500)
    event = merchant.publish()
    event_id = event_id_of(merchant.receives()[0])
    waiting = merchant.recorded(event_id, status="retrying")
    assert waiting["cause"] == "status"
    assert waiting["next_attempt_at"] > waiting["updated_at"]
    dead_letters.wait(event["call_id"])
    assert merchant.recorded(event_id, status="failed")["attempts"] == 4


def test_event_that_has_arrived_is_not_sent_again_unless_it_is_a_resend(merchant: Merchant) -> None:
    merchant.answers(200)
    event = merchant.publish()
    [first] = merchant.receives()
    merchant.recorded(event_id_of(first), status="delivered")
    merchant.publish(event)
    merchant.logs(message="duplicate")
    assert len(merchant.received()) == 1
    merchant.resend(event_id_of(first))
    _, again = merchant.receives(2)
    assert again.body == first.body, "the kept bytes"
    assert again.headers["webhook-id"] == first.headers["webhook-id"]


def test_call_of_nearly_a_mebibyte_is_kept_and_resent_byte_for_byte(merchant: Merchant) -> None:
    merchant.answers(200)
    event = merchant.call()
    event["transcript"] += "שלום " * 20_000
    merchant.publish(event)
    [first] = merchant.receives()
    merchant.recorded(event_id_of(first), status="delivered")
    merchant.resend(event_id_of(first))
    assert merchant.receives(2)[1].body == first.body


def test_business_without_a_url_has_no_record(merchant: Merchant) -> None:
    merchant.stack.settings.put_item(Item={"business_id": merchant.id})
    merchant.publish()
    line = merchant.logs(message="not_configured")
    wait_until_empty(merchant.stack)
    assert "Item" not in merchant.stack.deliveries.get_item(Key=_key(merchant, line["event_id"]))


def test_one_hanging_endpoint_is_known_as_failing_after_five_attempts(merchant: Merchant) -> None:
    merchant.answers(Answer(manner=Manner.HANG))
    for _ in range(7):
        merchant.publish()
    until(lambda: merchant.health().get("state") == "failing", SECONDS, "a failing endpoint")
    assert merchant.health()["cause"] == "timeout"


def _key(merchant: Merchant, event_id: str) -> dict[str, Any]:
    return {"business_id": merchant.id, "event_id": event_id}
