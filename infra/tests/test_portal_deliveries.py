"""The delivery log by the API: a list that is newest first, filtered, searched and paged, and one delivery in detail.

The tests write long lists into the table, with records like those of `deliver`.
"""

import hashlib
import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from infra.fakes.receiver import Answer
from infra.local.processes import until

from .portal import Owner
from .test_portal_sending import event_ids
from .waits import SECONDS

pytestmark = pytest.mark.portal

LIST = {
    "event_id",
    "event_type",
    "format",
    "status",
    "cause",
    "attempts",
    "created_at",
    "updated_at",
    "next_attempt_at",
    "status_code",
    "subject",
    "phone_last_digits",
    "title",
    "overdue",
}
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
MANY = 4_000
PADDING = 1_500
"""Characters that enlarge each record, so that all records exceed the five megabytes that one answer reads."""


def written(owner: Owner, count: int, padding: int = 0) -> list[dict[str, Any]]:
    """Write and return so many records, one a second, oldest first: one in ten failed, one in a thousand held."""
    records = [_record(owner.id, number, padding) for number in range(count)]
    with owner.portal.stack.deliveries.batch_writer() as batch:
        for record in records:
            batch.put_item(Item=record)
    return records


def _record(business_id: str, number: int, padding: int = 0) -> dict[str, Any]:
    at = START + timedelta(seconds=number)
    created = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    event_id = "evt_" + hashlib.sha256(f"{business_id}/{number}".encode()).hexdigest()[:32]
    status = "held" if number % 1000 == 999 else "failed" if number % 10 == 9 else "delivered"
    record = {
        "business_id": business_id,
        "event_id": event_id,
        "event_type": "call.completed",
        "status": status,
        "attempts": 4 if status == "failed" else 1,
        "subject": f"CA{number:06}{'-' * padding}",
        "phone_last_digits": f"{number % 10000:04}",
        "created_at": created,
        "occurred": f"{created}#{event_id}",
        "updated_at": int(at.timestamp() * 1000),
        "expires_at": int(time.time()) + 86400,
    }
    if status == "failed":
        record |= {"cause": "status", "status_code": 500}
    if status == "held":
        record |= {"held": record["occurred"]}
    return record


def walk(owner: Owner, query: str, cursor: str | None = "") -> list[dict[str, Any]]:
    """Read a list page by page, from a cursor to its end."""
    found, parts = [], 0
    while cursor is not None:
        listed = owner.get(f"/api/deliveries?{query}{cursor and f'&cursor={cursor}'}")
        assert listed.status == 200, listed.body
        found += listed.json["deliveries"]
        cursor = listed.json["next_cursor"]
        parts += 1
        assert parts < 2000, "the list ends"
    return found


def ids(entries: list[dict[str, Any]]) -> list[str]:
    """Give the event ids of records or entries."""
    return [entry["event_id"] for entry in entries]


def test_business_without_deliveries_has_an_empty_list(owner: Owner) -> None:
    assert owner.get("/api/deliveries").json == {"deliveries": [], "next_cursor": None}


def test_delivery_is_listed_and_shown_with_its_body_and_attempts(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(500, b"<b>out of order</b>"), Answer(200, b"thanks"))
    owner.saves(owner.url)
    [event_id] = event_ids(business, 1, "delivered")
    _, request = business.receives(2)
    body = json.loads(request.body)
    [entry] = owner.get("/api/deliveries").json["deliveries"]
    assert entry.keys() == LIST
    expected = {"event_id": event_id, "event_type": "call.completed", "status": "delivered", "cause": None}
    expected |= {"attempts": 2, "status_code": 200, "next_attempt_at": None, "format": "event"}
    expected |= {"subject": body["call_id"], "phone_last_digits": body["phone"][-4:], "title": body["summary"][:80]}
    assert entry.items() >= expected.items()
    delivery = owner.get(f"/api/deliveries/{event_id}").json
    assert delivery.keys() == LIST | {"body", "response_snippet", "attempt_log"}
    assert delivery.items() >= entry.items()
    assert delivery["body"].encode() == request.body
    assert delivery["response_snippet"] == "thanks"
    first, second = delivery["attempt_log"]
    assert (first["cause"], first["status_code"], first["response_snippet"]) == ("status", 500, "<b>out of order</b>")
    assert (second["cause"], second["status_code"]) == (None, 200)
    assert [attempt["format"] for attempt in delivery["attempt_log"]] == ["event", "event"]
    assert first["timings_ms"].keys() == {"dns", "connect", "tls", "first_byte", "total"}
    assert first["at"] < second["at"]


def shown(owner: Owner, event_id: str) -> str:
    """Give a delivery's page."""
    return owner.portal.send("GET", f"/deliveries/{event_id}", headers={"Cookie": owner.cookie()}).text


def test_delivery_that_is_retrying_shows_its_next_attempt(owner: Owner) -> None:
    owner.business.receiver.script(owner.business.path, Answer(302, headers={"Location": "https://new.example/x"}))
    owner.saves(owner.url)
    owner.business.publish()
    entry = until(lambda: next(iter(owner.get("/api/deliveries").json["deliveries"]), None), SECONDS, "an entry")
    assert (entry["status"], entry["cause"], entry["status_code"]) == ("retrying", "redirect", 302)
    assert entry["next_attempt_at"] > entry["created_at"]
    delivery = owner.get(f"/api/deliveries/{entry['event_id']}").json
    assert delivery["attempt_log"][0]["location"] == "https://new.example/x"
    assert delivery["attempt_log"][0]["refusal"] is None
    page = shown(owner, entry["event_id"])
    assert "https://new.example/x" in page
    assert "הכתובת מפנה לאתר אחר" in page


def test_delivery_that_the_guard_refused_shows_the_refusal(owner: Owner) -> None:
    refused = owner.url.replace("http://", "http://user@")
    owner.business.settings.at(refused).save(owner.business.stack)
    owner.business.publish()
    entry = until(lambda: next(iter(owner.get("/api/deliveries").json["deliveries"]), None), SECONDS, "an entry")
    assert (entry["cause"], entry["status_code"]) == ("blocked", None)
    delivery = owner.get(f"/api/deliveries/{entry['event_id']}").json
    assert delivery["attempt_log"][0]["refusal"] == "user_info"
    assert "אי אפשר לכלול בכתובת שם משתמש או סיסמה" in shown(owner, entry["event_id"])


def test_list_is_newest_first_paged_filtered_and_searched(owner: Owner) -> None:
    records = written(owner, 250)
    newest = ids(records)[::-1]
    first = owner.get("/api/deliveries").json
    assert ids(first["deliveries"]) == newest[:20]
    for limit in (1, 7, 100):
        part = owner.get(f"/api/deliveries?limit={limit}").json
        assert ids(part["deliveries"]) == newest[:limit]
        assert part["next_cursor"]
    assert ids(walk(owner, "limit=100")) == newest
    assert ids(walk(owner, "limit=50")) == newest, "the list also ends after a last page that is full"
    failed = [record["event_id"] for record in records if record["status"] == "failed"][::-1]
    assert ids(walk(owner, "limit=10&status=failed")) == failed
    assert walk(owner, "status=retrying") == []
    assert ids(walk(owner, "search=CA000123")) == [records[123]["event_id"]]
    assert ids(walk(owner, "search=0123")) == [records[123]["event_id"]]
    assert ids(walk(owner, "search=CA00012&status=failed")) == [records[129]["event_id"]]
    assert walk(owner, "search=%27%20OR%201") == []


def test_range_of_time_includes_both_its_ends(owner: Owner) -> None:
    records = written(owner, 60)
    tenth, fortieth = records[10]["created_at"], records[40]["created_at"]
    newest = ids(records)[::-1]
    wanted = ids(records[10:41])[::-1]
    assert ids(walk(owner, f"limit=7&from={tenth}&to={fortieth}")) == wanted
    israel = fortieth.replace("00:00:40.000Z", "02:00:40%2B02:00")
    assert israel != fortieth
    assert ids(walk(owner, f"from={tenth}&to={israel}")) == wanted
    assert ids(walk(owner, f"from={fortieth}")) == newest[:20]
    assert ids(walk(owner, f"to={tenth}&from=")) == newest[49:]
    assert (
        ids(walk(owner, f"from={tenth}&to={fortieth}&status=failed"))
        == [record["event_id"] for record in records[10:41] if record["status"] == "failed"][::-1]
    )
    assert ids(walk(owner, f"from={tenth}&to={tenth}")) == ids(records[10:11])
    assert walk(owner, "to=2025-01-01T00:00:00Z") == []
    # A cursor outside the range is valid too.
    place = owner.get("/api/deliveries?limit=5").json["next_cursor"]
    assert ids(walk(owner, f"from={tenth}&to={fortieth}", place)) == wanted
    place = owner.get(f"/api/deliveries?limit=1&to={tenth}").json["next_cursor"]
    assert walk(owner, f"from={fortieth}", place) == []


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-01-01", "from=1767225600", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"]
)
def test_invalid_range_of_time_is_a_problem(owner: Owner, query: str) -> None:
    owner.get(f"/api/deliveries?{query}").problem(400)


def test_page_of_a_list_stays_the_same_when_newer_deliveries_arrive(owner: Owner) -> None:
    records = written(owner, 30)
    first = owner.get("/api/deliveries?limit=10").json
    late = _record(owner.id, 1000)
    owner.portal.stack.deliveries.put_item(Item=late)
    rest = walk(owner, "limit=10", first["next_cursor"])
    assert ids(first["deliveries"] + rest) == ids(records)[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=1e2", "status=lost"])
def test_invalid_query_of_a_list_is_a_problem(owner: Owner, query: str) -> None:
    owner.get(f"/api/deliveries?{query}").problem(400)


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "eyJhIjoxfQ", "a" * 3000])
def test_invented_cursor_is_a_problem(owner: Owner, cursor: str) -> None:
    owner.get(f"/api/deliveries?cursor={cursor}").problem(400)


def test_long_log_is_paged_from_its_newest_to_its_oldest_delivery(owner: Owner) -> None:
    records = written(owner, MANY, PADDING)
    held = [record["event_id"] for record in records if record["status"] == "held"][::-1]
    took, place, entries = [], "", []
    for _ in range(5):
        started = time.monotonic()
        listed = owner.get(f"/api/deliveries?limit=100{place}").json
        took.append(time.monotonic() - started)
        entries += listed["deliveries"]
        place = f"&cursor={listed['next_cursor']}"
    assert ids(entries) == ids(records)[:-501:-1]
    assert max(took) < 3
    assert ids(walk(owner, "status=held")) == held, "deliveries of a rare status are found too"
    assert ids(walk(owner, "search=CA000003")) == [records[3]["event_id"]], "the oldest deliveries are found too"
    assert owner.get("/api/settings").json["held"] == len(held)


def test_words_of_the_summary_and_days_find_a_call(owner: Owner) -> None:
    owner.saves(owner.url)
    business, headers = owner.business, {"Cookie": owner.cookie()}
    call = business.publish(business.call(summary="ביטול תור לשיננית, בגלל נסיעה"))
    business.publish(business.call(summary="שאלה על מחיר"))
    business.receives(2)

    def found(query: str) -> list[str]:
        return [entry["subject"] for entry in owner.get(f"/api/deliveries?{query}").json["deliveries"]]

    def rows(query: str) -> int:
        return owner.portal.send("GET", f"/?{query}", headers=headers).text.count("data-event-id=")

    word = quote("לשיננית")
    until(lambda: found(f"search={word}") == [call["call_id"]], SECONDS, "the call, by a word of its summary")
    assert rows(f"search={word}") == 1
    today = datetime.now(ZoneInfo("Asia/Jerusalem")).date()
    assert rows(f"from={today - timedelta(1)}&to={today}") == 2
    assert rows(f"from={today + timedelta(1)}") == 0
    assert rows(f"to={today - timedelta(2)}") == 0
    assert rows("from=no-day") == 2, "an address that cannot be read shows the log"
    page = owner.portal.send("GET", f"/?from={today}", headers=headers).text
    assert f'href="/deliveries.csv?from={str(today).replace("-", "%2D")}"' in page
