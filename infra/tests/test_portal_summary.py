"""The last days: counted by the API, and told at the top of the page.

The tests write records like those of `deliver` into the table, at times of their own.
"""

import hashlib
import re
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from infra.fakes.receiver import Answer
from infra.local.processes import until

from .browsing import Size, Visit
from .portal import Owner
from .test_portal_page import enters
from .waits import SECONDS

pytestmark = pytest.mark.portal

ISRAEL = ZoneInfo("Asia/Jerusalem")
MEMBERS = {"days", "delivered_share", "median_delay_ms", "oldest_waiting_at", "complete"}
NONE = {"delivered": 0, "retrying": 0, "held": 0, "failed": 0}
TOO_MANY = 4_000
PADDING = 1_500
"""Characters that enlarge each record, so that all records exceed the five megabytes that a summary counts."""


def noon(days_ago: int) -> datetime:
    """Give the noon of a day in Israel."""
    today = datetime.now(ISRAEL).date() - timedelta(days=days_ago)
    return datetime(today.year, today.month, today.day, 12, tzinfo=ISRAEL)


def record(owner: Owner, at: datetime, status: str, seconds: float | None = None, padding: int = 0) -> dict[str, Any]:
    """Make the record of an event of some time; `seconds`: how long after its publishing it was delivered."""
    created = at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event_id = "evt_" + hashlib.sha256(f"{owner.id}/{created}/{status}/{seconds}".encode()).hexdigest()[:32]
    made = {
        "business_id": owner.id,
        "event_id": event_id,
        "event_type": "call.completed",
        "status": status,
        "attempts": 1,
        "subject": f"CA{'-' * padding}",
        "created_at": created,
        "occurred": f"{created}#{event_id}",
        "updated_at": int(at.timestamp() * 1000),
    }
    if status == "held":
        made |= {"held": made["occurred"]}
    if seconds is not None:
        made |= {"delivered_at": int(at.timestamp() * 1000) + round(seconds * 1000)}
    return made


def keep(owner: Owner, *records: dict[str, Any]) -> None:
    """Write records into the ledger."""
    with owner.portal.stack.deliveries.batch_writer() as batch:
        for made in records:
            batch.put_item(Item=made)


def summary(owner: Owner, query: str = "") -> dict[str, Any]:
    """Give a summary."""
    reply = owner.get(f"/api/summary{query}")
    assert reply.status == 200, reply.body
    assert reply.json.keys() == MEMBERS
    return reply.json


def test_business_without_deliveries_has_fourteen_empty_days(owner: Owner) -> None:
    counted = summary(owner)
    today = datetime.now(ISRAEL).date()
    dates = [(today - timedelta(days=back)).isoformat() for back in reversed(range(14))]
    assert counted["days"] == [{"date": date} | NONE for date in dates]
    assert [counted[name] for name in ("delivered_share", "median_delay_ms", "oldest_waiting_at")] == [None] * 3
    assert counted["complete"] is True


def test_deliveries_are_counted_by_their_day_in_israel_and_by_status(owner: Owner) -> None:
    midnight = noon(2).replace(hour=0)
    before = midnight - timedelta(milliseconds=1)
    last = noon(1).replace(hour=0) - timedelta(milliseconds=1)
    waiting = record(owner, noon(1), "retrying")
    keep(
        owner,
        record(owner, midnight, "delivered", 2),
        record(owner, last, "delivered", 0.5),
        record(owner, before, "delivered", 60),
        record(owner, noon(3), "failed"),
        waiting,
        record(owner, noon(1) + timedelta(hours=1), "held"),
        record(owner, noon(20), "held"),
        record(owner, noon(20), "failed"),
    )
    counted = summary(owner)
    days = {day.pop("date"): day for day in counted["days"]}
    assert len(days) == 14
    assert list(days) == sorted(days)
    found = [days[noon(back).date().isoformat()] for back in (3, 2, 1, 0)]
    assert found == [
        NONE | {"delivered": 1, "failed": 1},
        NONE | {"delivered": 2},
        NONE | {"retrying": 1, "held": 1},
        NONE,
    ]
    assert counted["delivered_share"] == 0.75
    assert counted["median_delay_ms"] == 2000
    assert counted["oldest_waiting_at"] == waiting["created_at"]
    assert counted["complete"] is True
    assert sum(day["held"] for day in summary(owner, "?days=21")["days"]) == 2
    [only] = summary(owner, "?days=1")["days"]
    assert only == {"date": noon(0).date().isoformat()} | NONE


def test_number_of_days_is_1_to_31_and_14_if_it_is_empty(owner: Owner) -> None:
    for query, expected in (("?days=", 14), ("?days=1", 1), ("?days=31", 31)):
        assert len(summary(owner, query)["days"]) == expected
    for query in ("0", "32", "-1", "x", "1.5", "1e1", "256"):
        owner.get(f"/api/summary?days={query}").problem(400)


def test_real_delivery_is_counted_with_its_delay(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(500), Answer(200))
    owner.saves(owner.url)
    business.publish()
    until(lambda: summary(owner)["days"][-1]["delivered"] == 1, SECONDS, "a counted delivery")
    counted = summary(owner)
    assert counted["delivered_share"] == 1
    # The second attempt comes a second after the first.
    assert 900 < counted["median_delay_ms"] < 1000 * SECONDS


def test_summary_has_nothing_of_another_business(owner: Owner, stranger: Owner) -> None:
    keep(stranger, record(stranger, noon(0), "held"), record(stranger, noon(1), "delivered", 1))
    before = summary(owner)
    assert [day for day in before["days"] if day != {"date": day["date"]} | NONE] == []
    for query in (f"?business_id={stranger.id}", f"?days=14&sub={stranger.id}"):
        assert summary(owner, query) == before
    owner.portal.send("GET", "/api/summary").problem(401)


def test_summary_of_a_large_log_counts_the_newest_and_says_that_it_is_not_complete(
    owner: Owner, visit: Callable[..., Visit]
) -> None:
    start = noon(5)
    keep(owner, *(record(owner, start + timedelta(seconds=60 * n), "held", padding=PADDING) for n in range(TOO_MANY)))
    started = time.monotonic()
    counted = summary(owner)
    assert time.monotonic() - started < 5
    assert counted["complete"] is False
    held = [day["held"] for day in counted["days"]]
    assert 2_500 < sum(held) < TOO_MANY
    newest = (start + timedelta(minutes=TOO_MANY - 1)).date()
    newest_day = next(day for day in counted["days"] if date.fromisoformat(day["date"]) == newest)
    assert newest_day["held"] > 0, "the newest deliveries are counted first"
    at = visit(Size.PHONE)
    enters(at, owner)
    assert "נספרו רק החדשים ביותר" in at.text("#summary")
    assert at.overflow() <= 0


@pytest.mark.parametrize("size", Size)
def test_page_tells_the_last_days_by_a_strip_and_by_a_table(
    owner: Owner, visit: Callable[..., Visit], size: Size
) -> None:
    at = visit(size)
    owner.saves(owner.url)
    enters(at, owner)
    assert at.page.locator("#summary").count() == 0, "a new owner has no empty strip"
    assert at.text("#status-title") == "הכול מוכן"
    keep(owner, *(record(owner, noon(back), "delivered", 2) for back in (1, 2, 13)))
    at.page.goto(owner.portal.url)
    assert at.text("#status-title") == "העדכונים מגיעים"
    assert "100%" in at.text("#summary")
    assert "שתי שניות" in at.text("#summary")
    keep(owner, record(owner, noon(1), "failed"), record(owner, noon(2), "retrying"))
    at.page.goto(owner.portal.url)
    assert at.text("#status-title") == "חלק מהעדכונים לא הגיעו"
    assert "75%" in at.text("#summary")
    assert re.search(r"ממתינים\s+1\s+מאז", at.text("#summary"))
    assert at.page.locator("#summary svg g").count() == 14
    titles = at.page.locator("#summary svg title").all_text_contents()
    assert [title for title in titles if "לא הגיעו: 1" in title] == [titles[12]]
    assert titles[13].startswith("היום")
    rows = at.page.locator("#summary tbody tr")
    assert rows.count() == 14
    assert rows.nth(12).locator("td").all_text_contents() == ["1", "0", "1"]
    days = at.page.locator("#summary svg .day")
    right, left = days.first.bounding_box(), days.last.bounding_box()
    assert right
    assert left
    assert right["x"] > left["x"], "the oldest day stands at the right"
    assert at.findings() == []
    assert at.overflow() <= 0
    at.picture(f"summary-{size.name.lower()}")
    at.page.emulate_media(color_scheme="dark")
    assert at.findings() == []
    at.picture(f"summary-{size.name.lower()}-dark")
    at.page.emulate_media(media="print", color_scheme="light")
    assert at.page.locator("#summary svg").is_visible()
    at.picture(f"summary-{size.name.lower()}-print")
