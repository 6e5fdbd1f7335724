"""The receiver's answer decides whether an event is delivered or tried again."""

import time
from email.utils import formatdate

from infra.fakes.receiver import Answer, Manner
from infra.local.ledger import attempts
from infra.local.ministack import free_port

from .business import TestBusiness, event_id_of, gaps
from .conftest import Businesses

ATTEMPT_SECONDS = 2
LONGEST_STEP = 6


def test_success_is_delivered_once(business_for: Businesses) -> None:
    businesses = business_for([200, 201, 202, 204])
    for status, business in businesses.items():
        business.answers(status)
        business.publish()
    for status, business in businesses.items():
        business.receives()
        line = business.logs(level="INFO")
        assert line["status_code"] == status
        assert len(business.received()) == 1, status


def test_two_failures_then_success_is_three_attempts_of_one_webhook_id_and_the_same_bytes(
    business: TestBusiness,
) -> None:
    business.answers(500, 500, 200)
    business.publish()
    requests = business.receives(3)
    assert [request.headers["webhook-attempt"] for request in requests] == ["1", "2", "3"]
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.body for request in requests}) == 1
    assert len({request.headers["x-prosaas-signature"] for request in requests}) == 1
    times = [int(request.headers["webhook-timestamp"]) for request in requests]
    assert times == sorted(set(times)), "every attempt has its own time"
    assert all(gap >= 1 for gap in gaps(requests))
    business.logs(level="INFO", attempt=3)
    assert len(business.received()) == 3


def test_any_other_status_is_tried_again(business_for: Businesses) -> None:
    businesses = business_for([400, 401, 404, 408, 429, 502, 503])
    for status, business in businesses.items():
        business.answers(status, 200)
        business.publish()
    for status, business in businesses.items():
        business.receives(2)
        assert business.logs(level="WARN")["status_code"] == status


def test_redirect_is_not_followed(business_for: Businesses) -> None:
    businesses = business_for([301, 302, 303, 307, 308])
    elsewhere = {status: business.new_path() for status, business in businesses.items()}
    for status, business in businesses.items():
        business.answers(Answer(status, headers={"Location": business.receiver.url + elsewhere[status]}), 200)
        business.publish()
    for status, business in businesses.items():
        business.receives(2)
        assert business.received(elsewhere[status]) == [], status
        assert business.logs(level="WARN")["cause"] == "redirect", status


ODD_HEADERS = {
    "folded": b"Content-Security-Policy: default-src 'self';\r\n\tscript-src 'none'\r\n",
    "a thousand": b"".join(b"X-%d: x\r\n" % number for number in range(1_000)),
    "odd": b"no colon\r\nX-Control: \x01\r\nX-Space : x\r\n",
}


def test_success_with_odd_headers_is_delivered_once(business_for: Businesses) -> None:
    businesses = business_for(ODD_HEADERS)
    for name, business in businesses.items():
        business.answers(Answer(body=b"HTTP/1.1 200 OK\r\n" + ODD_HEADERS[name] + b"\r\n", manner=Manner.RAW))
        business.publish()
    for name, business in businesses.items():
        business.receives()
        assert business.logs(level="INFO")["status_code"] == 200, name
        assert len(business.received()) == 1, name


def test_redirect_to_a_login_has_the_cause_sign_in(business: TestBusiness) -> None:
    business.answers(Answer(302, headers={"Location": "https://accounts.google.com/ServiceLogin"}), 200)
    business.publish()
    request = business.receives(2)[0]
    line = business.logs(level="WARN")
    assert (line["cause"], line["redirect_host"], line["clue"]) == ("sign_in", "accounts.google.com", "to_login")
    record = business.recorded(event_id_of(request), status="delivered")
    assert attempts(record)[0]["cause"] == "sign_in"
    assert "clue" not in record, "the last attempt has no clue"


def test_location_of_a_redirect_is_recorded_whole_in_any_bytes(business: TestBusiness) -> None:
    head, tail = b"HTTP/1.1 308 Moved\r\nLocation: ", b"\r\nContent-Length: 0\r\n\r\n"
    places = [b"/hook/", "https://a.example/שלום".encode(), "https://a.example/caf\xe9".encode("latin-1")]
    business.answers(*(Answer(body=head + place + tail, manner=Manner.RAW) for place in places), 200)
    business.publish()
    request = business.receives(4)[0]
    record = business.recorded(event_id_of(request), status="delivered")
    assert [attempt.get("location") for attempt in attempts(record)] == [
        business.receiver.url + "/hook/",
        "https://a.example/%D7%A9%D7%9C%D7%95%D7%9D",
        "https://a.example/caf%C3%A9",
        None,
    ]


def test_snippet_of_an_answer_in_windows_1255_is_readable(business: TestBusiness) -> None:
    html = {"Content-Type": "text/html; charset=windows-1255"}
    business.answers(Answer(500, "שגיאה".encode("windows-1255"), headers=html), 200)
    business.publish()
    request = business.receives(2)[0]
    record = business.recorded(event_id_of(request), status="delivered")
    assert attempts(record)[0]["snippet"] == "שגיאה"


def test_refusal_by_the_guard_is_recorded_with_its_reason(business: TestBusiness) -> None:
    business.settings = business.settings.at(business.settings.url.replace("http://", "http://user:password@"))
    business.settings.save(business.stack)
    business.publish()
    line = business.logs(level="WARN")
    assert (line["cause"], line["clue"]) == ("blocked", "user_info")
    record = business.recorded(line["event_id"], status="retrying")
    assert record["refusal"] == attempts(record)[0]["refusal"] == "user_info"
    assert business.received() == []


def test_challenge_of_cloudflare_has_a_clue_that_an_answer_of_the_receiver_has_not(business: TestBusiness) -> None:
    business.answers(Answer(403, b"<html>", headers={"cf-mitigated": "challenge"}), 403, 200)
    business.publish()
    request = business.receives(3)[0]
    record = business.recorded(event_id_of(request), status="delivered")
    assert [attempt.get("clue") for attempt in attempts(record)] == ["cloudflare", None, None]


def test_retry_after_in_seconds_delays_the_next_attempt(business_for: Businesses) -> None:
    businesses = business_for([429, 503])
    for status, business in businesses.items():
        business.answers(Answer(status, headers={"Retry-After": "4"}), 200)
        business.publish()
    for status, business in businesses.items():
        [gap] = gaps(business.receives(2))
        assert gap >= 4, status


def test_retry_after_as_a_date_delays_the_next_attempt(business: TestBusiness) -> None:
    until = int(time.time()) + 5
    business.answers(Answer(503, headers={"Retry-After": formatdate(until, usegmt=True)}), 200)
    business.publish()
    [_, second] = business.receives(2)
    assert second.at >= until


def test_retry_after_is_capped_at_the_longest_step(business: TestBusiness) -> None:
    business.answers(Answer(429, headers={"Retry-After": "86400"}), 200)
    business.publish()
    [gap] = gaps(business.receives(2))
    assert gap >= LONGEST_STEP


def test_n8n_that_is_starting_up_is_tried_again(business: TestBusiness) -> None:
    business.answers(Answer(200, b"n8n is starting up. Please wait"), 200)
    business.publish()
    business.receives(2)


NO_ANSWERS = {
    Manner.HANG: "timeout",
    Manner.DRIP_HEADERS: "timeout",
    Manner.RESET: "reset",
    Manner.CUT_HEADERS: "reset",
    Manner.GARBAGE: "protocol",
}


def test_attempt_without_a_valid_answer_is_tried_again(business_for: Businesses) -> None:
    businesses = business_for(NO_ANSWERS)
    for manner, business in businesses.items():
        business.answers(Answer(manner=manner), 200)
        business.publish()
    for manner, business in businesses.items():
        first, second = business.receives(2)
        assert second.at - first.at >= 1, manner
        assert business.logs(level="WARN")["cause"] == NO_ANSWERS[manner], manner


def test_answer_that_comes_too_late_is_tried_again(business: TestBusiness) -> None:
    business.answers(Answer(200, delay_s=ATTEMPT_SECONDS + 1), 200)
    business.publish()
    [gap] = gaps(business.receives(2))
    assert gap >= ATTEMPT_SECONDS + 1
    assert business.logs(level="WARN")["cause"] == "timeout"


def test_success_whose_body_does_not_end_is_delivered_within_the_deadline(business_for: Businesses) -> None:
    businesses = business_for([Manner.DRIP, Manner.ENDLESS, Manner.CUT])
    for manner, business in businesses.items():
        business.answers(Answer(200, b"some of the body", manner=manner))
        business.publish()
    for manner, business in businesses.items():
        business.receives()
        line = business.logs(level="INFO")
        assert line["duration_ms"] <= (ATTEMPT_SECONDS + 1) * 1000, manner
        assert len(business.received()) == 1, manner


def test_failure_whose_body_does_not_end_is_tried_again(business: TestBusiness) -> None:
    business.answers(Answer(500, manner=Manner.DRIP), 200)
    business.publish()
    business.receives(2)
    assert business.logs(level="WARN")["status_code"] == 500


def test_refused_connection_is_tried_again_and_succeeds_with_a_corrected_url(business: TestBusiness) -> None:
    business.settings = business.settings.at(f"http://127.0.0.1:{free_port()}{business.path}")
    business.settings.save(business.stack)
    business.publish()
    assert business.logs(level="WARN")["cause"] == "refused"
    business.settings = business.settings.at(business.receiver.url + business.path)
    business.answers(200)
    [request] = business.receives()
    assert int(request.headers["webhook-attempt"]) > 1


def test_name_that_does_not_resolve_is_tried_again_and_succeeds_with_a_corrected_url(business: TestBusiness) -> None:
    business.settings = business.settings.at(f"http://unknown.invalid{business.path}")
    business.settings.save(business.stack)
    business.publish()
    assert business.logs(level="WARN")["cause"] == "dns"
    business.settings = business.settings.at(business.receiver.url + business.path)
    business.answers(200)
    business.receives()


def test_peer_that_does_not_speak_tls_is_tried_again(business: TestBusiness) -> None:
    business.answers(200)
    business.settings.at(business.settings.url.replace("http:", "https:")).save(business.stack)
    business.publish()
    assert business.logs(level="WARN")["cause"] == "tls"
    business.settings.save(business.stack)
    business.receives()
