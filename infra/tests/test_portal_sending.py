"""Events that an owner sends by the API: a test, held events when the endpoint is resumed, and events sent again."""

import json
import time
from typing import Any

import pytest

from infra.fakes.receiver import Answer, Manner
from infra.local.processes import until
from infra.local.signatures import internal_is_right, standard_is_right

from .business import TestBusiness
from .portal import Owner, Reply
from .queues import wait_until_empty
from .waits import SECONDS

pytestmark = pytest.mark.portal

MINUTE_S = 60


def event_ids(business: TestBusiness, count: int, status: str) -> list[str]:
    """Publish so many calls, wait until each has a status, and return their event ids."""
    ids = []
    for _ in range(count):
        call = business.publish()["call_id"]
        key = f"call.completed\n{business.id}\n{call}"
        record = until(lambda key=key: business.record(key), SECONDS, "a record")
        ids.append(business.recorded(record["event_id"], status)["event_id"])
    return ids


def arrived(business: TestBusiness) -> list[str]:
    """Give the event ids that have arrived, in order, without those of test events."""
    requests = [request for request in business.received() if request.headers["x-prosaas-event"] != "webhook.test"]
    return [request.headers["webhook-id"] for request in requests]


def tried(owner: Owner) -> dict[str, Any]:
    """Send a test event by the API, and return the answer."""
    reply = owner.post("/api/test")
    assert reply.status == 200, reply.body
    assert reply.json.keys() == {
        "delivered",
        "status_code",
        "cause",
        "location",
        "timings_ms",
        "response_snippet",
    }
    return reply.json


def test_test_event_arrives_like_every_delivery(owner: Owner) -> None:
    business = owner.business
    value = f"key-{time.time_ns()}"
    business.confidential.add(value)
    owner.saves(owner.url, static_header={"name": "X-Key", "value": value})
    business.receiver.script(business.path, Answer(202, b"thanks"))
    answer = tried(owner)
    assert (answer["delivered"], answer["status_code"], answer["cause"]) == (True, 202, None)
    assert answer["response_snippet"] == "thanks"
    assert answer["timings_ms"].keys() == {"dns", "connect", "tls", "first_byte", "total"}
    assert 0 <= answer["timings_ms"]["total"] < 2000
    [request] = business.received()
    body = json.loads(request.body)
    assert body["event_type"] == request.headers["x-prosaas-event"] == "webhook.test"
    assert body["business_id"] == owner.id
    assert request.headers["x-key"] == value
    assert internal_is_right(request.body, request.headers, business.stack.internal_secret)
    assert standard_is_right(request.body, request.headers, owner.item()["signing_secret"])
    assert request.body.decode() == json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    assert owner.get("/api/deliveries").json["deliveries"] == [], "a test is not listed as a delivery"


@pytest.mark.parametrize(
    ("answer", "status", "cause"),
    [
        (Answer(500, b"Workflow could not be started"), 500, "status"),
        (Answer(404, b"not registered"), 404, "status"),
        (Answer(410), 410, "gone"),
        (Answer(302, headers={"Location": "https://elsewhere.example/"}), 302, "redirect"),
        (Answer(302, headers={"Location": "https://login.microsoftonline.com/x"}), 302, "sign_in"),
        (Answer(manner=Manner.RESET), None, "reset"),
        (Answer(manner=Manner.HANG), None, "timeout"),
        (Answer(manner=Manner.GARBAGE), None, "protocol"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failed_test_shows_its_cause(owner: Owner, answer: Answer, status: int | None, cause: str) -> None:
    owner.business.receiver.script(owner.business.path, answer)
    owner.saves(owner.url)
    shown = tried(owner)
    assert (shown["delivered"], shown["status_code"], shown["cause"]) == (False, status, cause)
    assert shown["location"] == answer.headers.get("Location")
    if answer.body:
        assert shown["response_snippet"] == answer.body.decode()
    assert owner.get("/api/settings").json["status"] == "active", "a test does not count as an attempt"


def test_more_than_ten_tests_a_minute_are_refused(owner: Owner, stranger: Owner) -> None:
    owner.saves(owner.url)
    stranger.saves(stranger.url)

    begun: set[int] = set()

    def refused() -> tuple[int, int, Reply] | None:
        minute, second = divmod(int(time.time()), 60)
        # All tests must fall into one calendar minute without earlier tests. If the minute ends meanwhile, the next
        # minute is tried.
        if minute in begun or second > MINUTE_S / 2:
            return None
        before, sent = len(owner.business.received()), 0
        while (reply := owner.post("/api/test")).status == 200:
            sent += 1
        begun.update((minute, now := int(time.time()) // 60))
        return (sent, len(owner.business.received()) - before, reply) if now == minute else None

    sent, reached, reply = until(refused, 4 * MINUTE_S, "a minute")
    assert (sent, reached) == (10, 10), "a refused test is not sent"
    reply.problem(429)
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    cookie = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "same-origin"}
    page = owner.portal.send("POST", "/test", "", headers=cookie)
    assert (page.status, page.media_type) == (429, "text/html")
    assert "retry-after" in page.headers
    assert 'id="notice" class="notice bad"' in page.text
    assert stranger.post("/api/test").json["delivered"], "each business has a limit of its own"
    assert "generic_webhook_url" in owner.item()


def test_refused_connection_of_a_test_is_shown_without_the_address(owner: Owner) -> None:
    owner.saves("http://127.0.0.1:1/")
    answer = tried(owner)
    assert (answer["delivered"], answer["cause"]) == (False, "refused")
    assert "127.0.0.1" not in json.dumps(answer)


def test_business_without_a_url_can_neither_test_nor_resume(owner: Owner) -> None:
    for path in ("/api/test", "/api/resume"):
        owner.post(path).problem(409)
    owner.post("/api/deliveries/resend", {"status": "held"}).problem(409)


def test_paused_endpoint_holds_events_and_resuming_sends_them_in_order(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    paused = owner.post("/api/pause")
    assert paused.status == 200
    settings = owner.get("/api/settings").json
    assert (settings["status"], settings["paused_reason"]) == ("paused", "owner")
    ids = event_ids(business, 3, "held")
    assert owner.get("/api/settings").json["held"] == 3
    assert business.received() == []
    assert owner.post("/api/resume").status == 200
    until(lambda: len(arrived(business)) >= 3, SECONDS, "the held ones")
    assert arrived(business) == ids
    until(lambda: owner.get("/api/settings").json["held"] == 0, SECONDS, "nothing held")
    assert owner.get("/api/settings").json["status"] == "active"
    wait_until_empty(business.stack)
    assert arrived(business) == ids, "each event arrives once"


def test_pausing_and_resuming_twice_changes_nothing_more(owner: Owner) -> None:
    owner.saves(owner.url)
    for path, status in [("/api/pause", "paused"), ("/api/pause", "paused"), ("/api/resume", "active")] * 2:
        assert owner.post(path).status == 200
        assert owner.get("/api/settings").json["status"] == status


def test_held_events_are_sent_to_another_url(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(410))
    owner.saves(owner.url)
    ids = event_ids(business, 2, "held")
    assert owner.get("/api/settings").json.items() >= {"status": "paused", "paused_reason": "gone"}.items()
    business.path = business.new_path()
    owner.saves(business.receiver.url + business.path)
    until(lambda: sorted(arrived(business)) == sorted(ids), SECONDS, "both at the new URL")
    assert owner.get("/api/settings").json["status"] == "active"


def test_same_url_saved_again_resumes_nothing(owner: Owner) -> None:
    owner.saves(owner.url)
    owner.post("/api/pause")
    assert owner.saves(owner.url).json["status"] == "paused"


def test_successful_test_has_held_events_sent_and_a_failed_test_has_not(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    owner.post("/api/pause")
    ids = event_ids(business, 2, "held")
    business.receiver.script(business.path, Answer(500), Answer(200))
    assert not tried(owner)["delivered"]
    assert owner.get("/api/settings").json["status"] == "paused"
    assert tried(owner)["delivered"]
    until(lambda: arrived(business) == ids, SECONDS, "the held ones")
    assert owner.get("/api/settings").json["status"] == "active"


def test_event_of_any_status_can_be_resent(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(200))
    owner.saves(owner.url)
    [delivered] = event_ids(business, 1, "delivered")
    assert owner.post(f"/api/deliveries/{delivered}/resend").status == 202
    first, second = business.receives(2)
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivered
    business.receiver.script(business.path, Answer(500))
    [failed] = event_ids(business, 1, "failed")
    business.receiver.script(business.path, Answer(200))
    assert owner.post(f"/api/deliveries/{failed}/resend").status == 202
    assert business.recorded(failed, "delivered")["attempts"] == 5


def test_resend_of_all_failed_events_sends_no_other(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(200))
    owner.saves(owner.url)
    [delivered] = event_ids(business, 1, "delivered")
    business.receiver.script(business.path, Answer(500))
    calls = [business.publish()["call_id"] for _ in range(3)]
    settled = until(lambda: _settled(business, calls), SECONDS, "all failed or held")
    business.receiver.script(business.path, Answer(200))
    before = len(business.received())
    reply = owner.post("/api/deliveries/resend", {"status": "failed"})
    assert reply.status == 202
    assert reply.json["replay"]["total"] == reply.json["resent"] == settled.count("failed")
    assert reply.json["more"] is False
    owner.post("/api/deliveries/resend", {"status": "held"})
    until(lambda: _settled(business, calls, "delivered"), SECONDS, "all delivered")
    assert delivered not in [request.headers["webhook-id"] for request in business.received()[before:]]


def _settled(business: TestBusiness, calls: list[str], *wanted: str) -> list[str] | None:
    records = [business.record(f"call.completed\n{business.id}\n{call}") for call in calls]
    statuses = [record["status"] if record else "" for record in records]
    return statuses if all(status in (wanted or ("failed", "held")) for status in statuses) else None


def test_resend_of_all_held_events_sends_them(owner: Owner) -> None:
    owner.saves(owner.url)
    owner.post("/api/pause")
    ids = event_ids(owner.business, 2, "held")
    assert owner.post("/api/deliveries/resend", {"status": "held"}).status == 202
    until(lambda: arrived(owner.business) == ids, SECONDS, "the held ones")


@pytest.mark.parametrize(
    "body", [{}, {"status": "delivered"}, {"status": "all"}, {"status": None}, [], ["failed"], {"status": ["failed"]}]
)
def test_resend_of_all_events_takes_only_the_statuses_failed_and_held(owner: Owner, body: object) -> None:
    reply = owner.post("/api/deliveries/resend", body)
    assert reply.status in (400, 422)
    reply.problem(reply.status)


@pytest.mark.parametrize(
    "event_id", [f"evt_{'0' * 32}", "evt_1", "EVT_" + "0" * 32, "a%2Fb", "%00", "%FF", "..", "x" * 300]
)
def test_unknown_delivery_is_not_found(owner: Owner, event_id: str) -> None:
    owner.get(f"/api/deliveries/{event_id}").problem(404)
    owner.post(f"/api/deliveries/{event_id}/resend").problem(404)
