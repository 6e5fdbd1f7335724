"""The publisher's `traceparent`: from the message attribute to the receiver's header and into the log, or nowhere."""

import json

import pytest

from infra.local.processes import until

from .business import TestBusiness, event_id_of
from .logs import log_lines
from .queues import DeadLetters
from .waits import SECONDS

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
"""The example of W3C Trace Context."""
INVALID = {
    "capitals": TRACEPARENT.upper(),
    "zeros": f"00-{'0' * 32}-b7ad6b7169203331-01",
    "short": TRACEPARENT[:-1],
    "version_ff": f"ff{TRACEPARENT[2:]}",
    "injection": f"{TRACEPARENT}\r\nx-injected: 1",
    "injection_of_a_later_version": f"cc{TRACEPARENT[2:]}-a\r\nx-injected: 1",
}


def lines_about(business: TestBusiness, event_id: str) -> list[dict[str, object]]:
    """Give the log lines about an event of the business."""
    return [line for line in log_lines(business.stack) if line.get("event_id") == event_id]


def test_every_attempt_and_every_line_of_an_event_has_the_trace(business: TestBusiness) -> None:
    business.answers(500, 200)
    later = f"cc{TRACEPARENT[2:]}-of-a-later-version"
    business.publish_text(json.dumps(business.call()), traceparent=later)
    requests = business.receives(2)
    assert [request.headers["traceparent"] for request in requests] == [later, later]
    event_id = event_id_of(requests[0])
    assert business.recorded(event_id, "delivered")["traceparent"] == later
    business.logs(event_id=event_id, message="delivered")
    lines = lines_about(business, event_id)
    assert [line["message"] for line in lines] == ["retrying", "delivered"]
    assert {line["trace_id"] for line in lines} == {TRACE_ID}
    assert "traceparent" not in lines[0]

    business.resend(event_id)
    assert business.receives(3)[2].headers["traceparent"] == later, "a resend has it from the ledger"


def test_held_event_keeps_its_trace_until_its_replay(business: TestBusiness) -> None:
    business.answers(410, 200)
    business.publish()
    until(lambda: business.health().get("state") == "paused", SECONDS, "a paused endpoint")
    business.publish_text(json.dumps(business.call()), traceparent=TRACEPARENT)
    until(lambda: len(business.held()) == 2, SECONDS, "two held events")
    business.resume()
    _, without, with_trace = business.receives(3)
    assert "traceparent" not in without.headers
    assert with_trace.headers["traceparent"] == TRACEPARENT
    delivered = business.logs(event_id=event_id_of(with_trace), message="delivered")
    assert delivered["trace_id"] == TRACE_ID


def test_invalid_traceparent_reaches_no_header_no_record_and_no_log(business: TestBusiness) -> None:
    business.answers(200)
    calls = {name: business.call() for name in INVALID}
    for name, call in calls.items():
        business.publish_text(json.dumps(call), traceparent=INVALID[name])
    requests = business.receives(len(INVALID))
    assert {json.loads(request.body)["call_id"] for request in requests} == {call["call_id"] for call in calls.values()}
    for request in requests:
        assert not {"traceparent", "x-injected"} & set(request.headers)
        event_id = event_id_of(request)
        assert "traceparent" not in business.recorded(event_id, "delivered")
        line = business.logs(event_id=event_id, message="delivered")
        assert line["traceparent"] == "invalid"
        assert "trace_id" not in line
        assert "b7ad6b7169203331" not in json.dumps(line).lower()


@pytest.mark.parametrize("given", [TRACEPARENT, INVALID["injection"]], ids=["valid", "invalid"])
def test_copy_in_the_dead_letter_queue_has_the_trace_if_it_is_valid(
    business: TestBusiness, dead_letters: DeadLetters, given: str
) -> None:
    business.publish_text(json.dumps({"business_id": business.id}), traceparent=given)
    attributes = dead_letters.wait(business.id)["MessageAttributes"]
    assert attributes["reason"]["StringValue"] == "malformed"
    found = attributes.get("traceparent", {}).get("StringValue")
    assert found == (given if given == TRACEPARENT else None)
