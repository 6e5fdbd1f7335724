"""The compiled functions against other stand-ins for AWS than the rest of the tests: a strict DynamoDB, and moto.

Each test has a business for one way that an event can go. AWS may refuse no call of the functions, except by the
conditions that decide races.
"""

import json
import random
import string
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.receiver import Answer, Manner, Receiver
from infra.fakes.second.stack import SecondStack
from infra.local.ledger import attempts
from infra.local.signatures import internal_is_right, standard_is_right
from infra.tests.business import TestBusiness, event_id_of, gaps
from infra.tests.logs import Confidential, log_lines
from infra.tests.notices import Notices
from infra.tests.portal import Owner, Portal
from infra.tests.queues import DeadLetters

pytestmark = pytest.mark.second

PARAMETERS = {
    "RetryScheduleSeconds": "1",
    "MaxAttempts": "8",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
    "LogLevel": "DEBUG",
}
FAILURES_TO_FAILING = 5
"""The failures in a row that make an endpoint failing."""

HEBREW = "אבגדהוזחטיכלמנסעפצקרשת"


@pytest.fixture(scope="module", autouse=True)
def hopeless(
    second: SecondStack, notices: Notices, receiver: Receiver, confidential: Confidential
) -> tuple[TestBusiness, dict[str, Any]]:
    """Give a business whose endpoint never accepts, with its one call, which spends its schedule during other tests."""
    del notices  # The subscription must exist before the first notice.
    business = TestBusiness(f"b-{uuid4().hex[:12]}", second, receiver, confidential)
    business.answers(Answer(manner=Manner.GARBAGE))
    return business, business.publish()


def lines_of(business: TestBusiness, message: str) -> list[dict[str, Any]]:
    """Give the lines of `deliver` about a business with this message."""
    lines = log_lines(business.stack)
    return [line for line in lines if (line["message"], line.get("business_id")) == (message, business.id)]


def publish_held(business: TestBusiness, count: int) -> list[str]:
    """Publish calls, each after the one before is held, and give their ids in that order."""
    before = len(business.held())
    calls = []
    for number in range(count):
        calls.append(business.publish()["call_id"])
        business.stack.until(lambda number=number: len(business.held()) == before + number + 1, "a held event")
    return calls


def calls_of(business: TestBusiness, after: int) -> list[str]:
    """Give the call ids of the requests after the first so many, in order."""
    return [json.loads(request.body)["call_id"] for request in business.received()[after:]]


def test_call_arrives_signed_and_is_recorded(business: TestBusiness, second: SecondStack) -> None:
    business.answers(Answer(200, b"thank you"))
    event = business.publish()
    [request] = business.receives()
    assert json.loads(request.body)["transcript"] == event["transcript"]
    assert internal_is_right(request.body, request.headers, second.internal_secret)
    assert standard_is_right(request.body, request.headers, business.settings.signing_secret)
    record = business.recorded(event_id_of(request), "delivered")
    assert attempts(record)[0]["snippet"] == "thank you"


def test_event_that_is_published_twice_is_sent_once(business: TestBusiness, second: SecondStack) -> None:
    business.answers(200)
    event = business.publish()
    [request] = business.receives()
    business.recorded(event_id_of(request), "delivered")
    second.publish_together(event, event, event)
    second.until(lambda: len(lines_of(business, "duplicate")) == 3, "the three copies")
    assert len(business.received()) == 1


def test_failed_event_returns_by_its_visibility_timeout(business: TestBusiness) -> None:
    business.answers(
        500, Answer(302, headers={"Location": "https://elsewhere.example/"}), Answer(manner=Manner.RESET), 200
    )
    business.publish()
    requests = business.receives(4)
    assert [request.headers["webhook-attempt"] for request in requests] == ["1", "2", "3", "4"]
    assert min(gaps(requests)) >= 0.9
    record = business.recorded(event_id_of(requests[0]), "delivered")
    assert record["attempts"] == 4


def test_malformed_message_is_set_aside_and_its_neighbours_are_delivered(
    business: TestBusiness, second: SecondStack, dead_letters: DeadLetters
) -> None:
    business.answers(200)
    calls = [business.call() for _ in range(3)]
    poisoned = json.dumps(business.call())[:-40]
    second.publish_together(calls[0], poisoned, calls[1], calls[2])
    dead = dead_letters.wait(poisoned)
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes["reason"] == "malformed"
    assert attributes["detail"]
    business.receives(3)
    assert sorted(calls_of(business, 0)) == sorted(call["call_id"] for call in calls)


def test_held_events_arrive_in_order_and_once_when_their_endpoint_recovers(
    business: TestBusiness, second: SecondStack, notices: Notices
) -> None:
    business.answers(500)
    first = [business.publish()["call_id"] for _ in range(FAILURES_TO_FAILING)]
    assert notices.wait(business, "failing")["cause"] == "status"
    second.until(lambda: len(business.held()) == FAILURES_TO_FAILING - 1, "all but the probe held")
    later = publish_held(business, 12)
    before = len(business.received())
    business.receiver.script(business.path, Answer(200))
    business.receives(before + FAILURES_TO_FAILING + 12)
    second.until(lambda: business.held() == [], "nothing held")
    arrived = calls_of(business, before)
    assert Counter(arrived) == Counter(first + later), "each event arrives once"
    assert arrived[-12:] == later, "in the order of the calls"
    assert notices.wait(business, "recovered")["held"] == FAILURES_TO_FAILING - 1 + 12


def test_410_pauses_until_the_owner_resumes(owner: Owner, second: SecondStack, notices: Notices) -> None:
    business = owner.business
    business.answers(410, 200)
    calls = [business.publish()["call_id"]]
    assert notices.wait(business, "paused")["cause"] == "gone"
    settings = owner.get("/api/settings").json
    assert (settings["status"], settings["paused_reason"]) == ("paused", "gone")
    second.until(lambda: len(business.held()) == 1, "the first event held")
    calls += publish_held(business, 3)
    assert len(business.received()) == 1
    assert owner.post("/api/resume").status == 200
    business.receives(1 + len(calls))
    assert calls_of(business, 1) == calls
    second.until(lambda: owner.get("/api/settings").json["held"] == 0, "nothing held")


def test_held_events_are_sent_to_another_url(business: TestBusiness, second: SecondStack) -> None:
    business.answers(410)
    calls = [business.publish()["call_id"]]
    second.until(lambda: len(business.held()) == 1, "a held event")
    business.path = business.new_path()
    business.move_to(business.receiver.url + business.path)
    calls.append(business.publish()["call_id"])
    business.receives(2)
    second.until(lambda: business.held() == [], "nothing held")
    assert sorted(calls_of(business, 0)) == sorted(calls)


def test_owner_saves_tests_reads_and_resends(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    saved = owner.saves(owner.url, static_header={"name": "X-Key", "value": "abcdefgh-1234"})
    assert saved.status == 200, saved.body
    assert owner.post("/api/test").json["delivered"] is True
    event = business.publish()
    event_id = event_id_of(business.receives(2)[1])
    business.recorded(event_id, "delivered")
    [listed] = owner.get("/api/deliveries").json["deliveries"]
    assert listed["event_id"] == event_id
    shown = owner.get(f"/api/deliveries/{event_id}").json
    assert json.loads(shown["body"])["call_id"] == event["call_id"]
    assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    again = business.receives(3)[2]
    assert (event_id_of(again), again.headers["x-key"]) == (event_id, "abcdefgh-1234")
    second.until(second.is_idle, "the resend done")
    assert owner.get("/api/deliveries?status=delivered").json["deliveries"][0]["attempts"] == 2
    page = owner.portal.send("GET", "/", headers={"Cookie": owner.cookie()})
    assert page.status == 200
    assert "כתובת Webhook כללית לקבלת תמלילים" in page.text


def test_range_of_several_steps_is_counted_listed_and_sent(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    assert owner.saves(owner.url).status == 200
    calls = 25
    for _ in range(calls):
        business.publish()
    business.receives(calls)
    second.until(second.is_idle, "all recorded")
    range_ = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    replay = owner.post("/api/deliveries/resend", range_).json["replay"]
    assert (replay["total"], replay["state"]) == (calls, "running")
    second.until(lambda: owner.get("/api/settings").json["replay"]["state"] == "done", "the end of the range")
    replay = owner.get("/api/settings").json["replay"]
    assert (replay["done"], replay["failed"]) == (calls, 0)
    listed = [one["event_id"] for one in owner.get(f"/api/deliveries?limit={calls}").json["deliveries"]]
    assert business.arrived()[calls:] == listed[::-1]
    assert owner.post("/api/deliveries/resend", {"status": "failed"}).json["replay"]["total"] == 0


@pytest.mark.parametrize(
    "business_id",
    ["עסק של דנה", "a  b c", "x" * 128, HEBREW * 5 + "אבגד", 'q"uo\\te/?#%{}', "🙂" * 3, "1"],
    ids=["hebrew", "spaces", "long", "long_hebrew", "marks", "emoji", "digit"],
)
def test_id_with_unusual_characters_is_delivered_recorded_and_resent(
    business_id: str, second: SecondStack, receiver: Receiver, confidential: Confidential, portal: Portal
) -> None:
    business = TestBusiness(business_id, second, receiver, confidential)
    owner = Owner(business, portal)
    # The call's id has unusual characters too.
    business.answers(410, 200)
    held = business.call(call_id=f"שיחה {business_id}")
    second.publish(held)
    second.until(lambda: len(business.held()) == 1, "a held event")
    assert owner.get("/api/settings").json["held"] == 1
    assert owner.post("/api/resume").status == 200
    request = business.receives(2)[1]
    assert json.loads(request.body)["business_id"] == business_id
    business.recorded(event_id_of(request), "delivered")
    assert [one["event_id"] for one in owner.get("/api/deliveries").json["deliveries"]] == [event_id_of(request)]
    assert owner.get("/api/summary").json["days"][-1]["delivered"] == 1
    assert event_id_of(request) in owner.get("/api/deliveries.csv?from=2026-01-01T00:00:00Z&status=delivered").text
    assert owner.post(f"/api/deliveries/{event_id_of(request)}/resend").status == 202
    assert business.receives(3)[2].body == request.body


def words(characters: int) -> str:
    """Make text that compresses like speech."""
    chance = random.Random(characters)
    vocabulary = ["".join(chance.choices(HEBREW, k=chance.randint(2, 7))) for _ in range(4000)]
    return " ".join(chance.choices(vocabulary, k=characters // 5))[:characters]


def noise(characters: int) -> str:
    """Make text that hardly compresses."""
    return "".join(random.Random(characters).choices(string.ascii_letters + string.digits, k=characters))


@pytest.mark.parametrize(
    ("transcript", "is_kept"),
    [(words(300_000), True), (noise(300_000), True), (noise(440_000), True), (noise(700_000), False)],
    ids=["speech", "300_kb", "near_the_limit_of_an_item", "beyond_it"],
)
def test_long_call_arrives_whole_and_is_recorded_if_it_fits_an_item(
    business: TestBusiness, second: SecondStack, transcript: str, *, is_kept: bool
) -> None:
    business.answers(500, 200)
    second.publish(business.call(transcript=transcript))
    first, request = business.receives(2)
    assert json.loads(request.body)["transcript"] == transcript
    assert first.body == request.body
    record = business.recorded(event_id_of(request), "delivered")
    assert ("body" in record) == is_kept
    if is_kept:
        business.resend(event_id_of(request))
        assert business.receives(3)[2].body == request.body


def test_event_that_spends_its_schedule_is_dead_lettered_and_pauses_its_endpoint(
    hopeless: tuple[TestBusiness, dict[str, Any]], dead_letters: DeadLetters, notices: Notices
) -> None:
    business, event = hopeless
    dead = dead_letters.wait(event["call_id"])
    assert json.loads(dead["Body"]) == event
    assert "MessageAttributes" not in dead
    assert len(business.received()) == int(PARAMETERS["MaxAttempts"])
    assert business.health()["reason"] == "spent"
    assert notices.wait(business, "paused")["cause"] == "spent"


def test_no_call_was_refused_except_by_conditions(second: SecondStack) -> None:
    second.until(second.is_idle, "the end of all work")
    assert second.proxy.unexpected() == []
    assert second.proxy.refusals, "conditions have decided races"
    assert [batch.error for batch in second.batches if batch.error] == []
    assert second.deliver.killed == 0
