"""Events with unreadable fields, and malformed messages: the request, the log line, and the dead letter."""

import json

import pytest

from infra.local import environment
from infra.local.processes import until

from .business import TestBusiness, event_id_of
from .logs import log_lines
from .queues import DeadLetters, wait_until_empty
from .waits import SECONDS

ODD: dict[str, object] = {
    "lead_id": {"id": 9014},
    "phone": ["+972550000000"],
    "started_at": "03/11/2025 07:41",
    "ended_at": 1762155753,
    "duration_sec": "1:14",
    "transcript": [{"role": "agent", "text": "שלום, במה אפשר לעזור?"}, {"role": "caller", "text": "רציתי לקבוע תור."}],
    "summary": 7.50,
    "agent_name": False,
    "direction": "sideways",
    "metadata": ["book_appointment"],
}
DEFAULTS = {
    "lead_id": "",
    "phone": "",
    "started_at": "",
    "ended_at": "",
    "duration_sec": 0,
    "transcript": "",
    "summary": "",
    "agent_name": "Assistant",
    "direction": "inbound",
}
MEBIBYTE = 1024 * 1024


def text(value: object) -> str:
    """Give a published value in the form in which it is kept."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def unread_lines(business: TestBusiness) -> list[dict[str, object]]:
    """Give the log's lines about unreadable fields of this business."""
    lines = log_lines(business.stack)
    return [line for line in lines if line["message"] == "unread_field" and line["business_id"] == business.id]


def test_call_with_unreadable_optional_fields_arrives_with_defaults_and_the_published_values(
    business: TestBusiness,
) -> None:
    business.answers(500, 200)
    business.confidential.add("03/11/2025 07:41", "+972550000000", "שלום, במה אפשר לעזור?", "book_appointment")
    business.publish(business.call(**ODD))
    [first, second] = business.receives(2)
    body = json.loads(second.body)
    assert {field: body[field] for field in DEFAULTS} == DEFAULTS
    assert body["metadata"] == {f"unread_{field}": text(value) for field, value in ODD.items()}
    assert list(body)[-1] == "metadata"
    assert first.body == second.body
    business.recorded(event_id_of(first), "delivered")

    business.resend(event_id_of(first))
    assert business.receives(3)[2].body == first.body
    wait_until_empty(business.stack)
    lines = unread_lines(business)
    assert [line["field"] for line in lines] == list(ODD), "one line for each field, however often the event is sent"
    assert {line["level"] for line in lines} == {"WARN"}
    assert {line["event_id"] for line in lines} == {event_id_of(first)}


def test_sample_with_odd_fields_arrives_with_its_readable_fields(business: TestBusiness) -> None:
    sample = json.loads((environment.ROOT / "events/samples/call.completed.odd.json").read_text())
    business.answers(200)
    sample["business_id"] = business.id
    business.publish(sample)
    [request] = business.receives()
    body = json.loads(request.body)
    assert (body["duration_sec"], body["direction"], body["phone"]) == (67, "inbound", "972550000163")
    assert (body["transcript"], body["started_at"]) == ("", "")
    assert body["metadata"] == sample["metadata"] | {
        "unread_started_at": sample["started_at"],
        "unread_transcript": text(sample["transcript"]),
    }


@pytest.mark.parametrize("fill", ["x", "א", "\U0001f600"])
def test_malformed_message_that_fills_the_limit_is_copied_with_its_reason(
    business: TestBusiness, dead_letters: DeadLetters, fill: str
) -> None:
    start = f'{{"business_id":"{business.id}","call_id":"{fill}'
    body = start + fill * ((MEBIBYTE - len(start.encode())) // len(fill.encode()))
    business.publish_text(body)
    dead = dead_letters.wait(business.id)
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes["reason"] == "malformed"
    assert attributes["detail"].endswith(f"only the beginning of {len(body.encode())} bytes is here")
    assert body.startswith(dead["Body"])
    # SQS counts the attributes' names, types and values too. The local SQS counts the body alone.
    size = len(dead["Body"].encode()) + sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"])
        for name, value in dead["MessageAttributes"].items()
    )
    assert MEBIBYTE - 4 < size <= MEBIBYTE


def test_reference_to_an_unknown_event_is_set_aside_with_the_reason_not_kept(
    business: TestBusiness, dead_letters: DeadLetters
) -> None:
    event_id = f"evt_{'0' * 32}"
    business.answers(200)
    business.resend(event_id)
    dead = dead_letters.wait(business.id)
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "not_kept"
    assert dead["MessageAttributes"]["detail"]["StringValue"]
    assert json.loads(dead["Body"])["event_id"] == event_id
    assert business.logs(message="not_kept", event_id=event_id)["level"] == "ERROR"


def test_held_event_without_a_body_is_set_aside_and_the_events_after_it_are_sent(
    business: TestBusiness, dead_letters: DeadLetters
) -> None:
    business.answers(410, 200, retention_days=7)
    business.publish()
    until(lambda: business.health().get("state") == "paused", SECONDS, "a paused endpoint")
    later = business.publish()
    until(lambda: len(business.held()) == 2, SECONDS, "two held events")
    lost, kept = business.held()
    key = {"business_id": business.id, "event_id": lost}
    business.stack.deliveries.update_item(Key=key, UpdateExpression="REMOVE body")
    before = business.recorded(lost, "held")
    assert "expires_at" not in before
    business.resume()

    business.recorded(kept, "delivered")
    assert [json.loads(request.body)["call_id"] for request in business.received()[1:]] == [later["call_id"]]
    dead = dead_letters.wait(lost)
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "not_kept"
    given_up = business.recorded(lost, "failed")
    assert "held" not in given_up
    assert given_up["updated_at"] > before["updated_at"]
    days = (given_up["expires_at"] - int(given_up["updated_at"] / 1000)) / (24 * 3600)
    assert days == 7, "the record expires by the retention of its business"
    assert business.logs(message="not_kept", event_id=lost)
