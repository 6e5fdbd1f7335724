"""The log as a file for a spreadsheet: read by Python's `csv`, and downloaded from the page."""

import csv
import io
import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from .browsing import Visit
from .portal import Owner, Reply
from .test_portal_deliveries import START, ids, written
from .test_portal_page import enters
from .test_portal_sending import event_ids

pytestmark = pytest.mark.portal

COLUMNS = [
    "event_id",
    "event_type",
    "status",
    "cause",
    "status_code",
    "attempts",
    "created_at",
    "updated_at",
    "subject",
    "phone_last_digits",
    "title",
]
ROWS = 10_000
LAMBDA_LIMIT = 6 * 1024 * 1024
BOM = b"\xef\xbb\xbf"


def file(owner: Owner, query: str = "") -> Reply:
    """Give the file of a query."""
    reply = owner.get(f"/api/deliveries.csv{query}")
    assert reply.status == 200, reply.body
    return reply


def rows(reply: Reply) -> list[dict[str, str]]:
    """Read a file."""
    text = reply.body.removeprefix(BOM).decode()
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert read[0] == COLUMNS
    assert {len(row) for row in read} == {len(COLUMNS)}
    return [dict(zip(COLUMNS, row, strict=True)) for row in read[1:]]


def put(owner: Owner, record: dict[str, Any], **changes: object) -> None:
    """Write a record with other attributes."""
    owner.portal.stack.deliveries.put_item(Item=record | changes)


def test_file_is_utf_8_with_a_mark_and_has_the_values_of_the_list(owner: Owner) -> None:
    owner.saves(owner.url)
    [event_id] = event_ids(owner.business, 1, "delivered")
    written(owner, 30)
    reply = file(owner)
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="deliveries-\d{4}-\d\d-\d\d\.csv"', reply.headers["content-disposition"])
    assert reply.headers["cache-control"] == "no-store"
    assert reply.body.startswith(BOM)
    assert reply.body.count(BOM) == 1
    assert reply.body.count(b"\n") == reply.body.count(b"\r\n") == 32
    listed = owner.get("/api/deliveries?limit=100").json["deliveries"]
    found = rows(reply)
    assert found[0]["event_id"] == event_id, "newest first"
    expected = [{name: "" if entry[name] is None else str(entry[name]) for name in COLUMNS} for entry in listed]
    assert found == expected


def test_empty_log_is_a_file_with_the_names_of_the_columns(owner: Owner) -> None:
    assert file(owner).body == BOM + (",".join(COLUMNS) + "\r\n").encode()


def test_file_is_filtered_as_the_list_is(owner: Owner) -> None:
    records = written(owner, 120)
    newest = ids(records)[::-1]
    failed = [record["event_id"] for record in records if record["status"] == "failed"][::-1]
    assert ids(rows(file(owner, "?status=failed"))) == failed
    assert ids(rows(file(owner, "?status=&search=&from=&to="))) == newest
    assert ids(rows(file(owner, "?search=0099"))) == [records[99]["event_id"]]
    tenth, fortieth = records[10]["created_at"], records[40]["created_at"]
    assert ids(rows(file(owner, f"?from={tenth}&to={fortieth}"))) == ids(records[10:41])[::-1]
    assert ids(rows(file(owner, "?limit=1&cursor=x"))) == newest, "a file has no pages"
    for query in ("status=lost", "from=yesterday", f"from={fortieth}&to={tenth}", f"search={'x' * 129}"):
        owner.get(f"/api/deliveries.csv?{query}").problem(400)


def test_cells_are_quoted_and_no_cell_is_a_formula(owner: Owner) -> None:
    [record] = written(owner, 1)
    put(owner, record, title='=HYPERLINK("https://x.example","a, b")', subject="\t=1\r\n+2", phone_last_digits="0042")
    [row] = rows(file(owner))
    assert row["title"] == '\'=HYPERLINK("https://x.example","a, b")'
    assert row["subject"] == "'\t=1\r\n+2"
    assert row["phone_last_digits"] == "0042"
    for first in ("=", "+", "-", "@", "\t", "\r", "\n"):
        put(owner, record, title=f"{first}1")
        assert rows(file(owner))[0]["title"] == f"'{first}1"
    for title in ("a=1", " =1", 'א"ב', "א,ב", "'=1"):
        put(owner, record, title=title)
        assert rows(file(owner))[0]["title"] == title


def test_file_has_the_newest_10000_and_says_if_there_are_older_ones(owner: Owner) -> None:
    records = written(owner, ROWS)
    assert ids(rows(file(owner))) == ids(records)[::-1], "10,000 are no cut"
    older = (START - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    put(owner, records[0], event_id=f"evt_{'0' * 32}", created_at=older, occurred=f"{older}#evt_{'0' * 32}")
    started = time.monotonic()
    found = rows(file(owner))
    assert time.monotonic() - started < 20
    assert ids(found[:-1]) == ids(records)[::-1]
    last = found[-1].pop("event_id")
    assert re.search("[א-ת]", last)
    assert str(ROWS) in last
    assert set(found[-1].values()) == {""}


def test_file_of_large_records_stays_below_the_limit_of_lambda(owner: Owner) -> None:
    records = written(owner, 7_000)
    large = {"subject": '"' * 128, "title": "\\" * 80, "event_type": f"a.{'b' * 126}"}
    with owner.portal.stack.deliveries.batch_writer() as batch:
        for record in records:
            batch.put_item(Item=record | large)
    reply = file(owner)
    escaped = len(reply.body) + sum(reply.body.count(character) for character in (b'"', b"\\", b"\r", b"\n"))
    assert LAMBDA_LIMIT / 2 < escaped < LAMBDA_LIMIT - 100_000
    found = rows(reply)
    assert ids(found[:-1]) == ids(records)[: -len(found) : -1]
    assert re.search("[א-ת]", found[-1]["event_id"])


def test_file_has_nothing_of_another_business(owner: Owner, stranger: Owner) -> None:
    records = written(stranger, 20)
    for query in ("", f"?business_id={stranger.id}", f"?search={records[3]['subject']}", f"?sub={stranger.id}"):
        assert rows(file(owner, query)) == []
    owner.portal.send("GET", "/api/deliveries.csv").problem(401)


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_page_has_a_link_to_the_file_with_the_filter_of_its_log(
    owner: Owner, visit: Callable[..., Visit], tmp_path: Path, javascript: bool
) -> None:
    at = visit(javascript=javascript)
    enters(at, owner)
    assert at.page.locator("#export").count() == 0, "there is nothing to export"
    records = written(owner, 40)
    at.page.goto(f"{owner.portal.url}/?status=failed&search=CA0000")
    at.unfold("#log-tools")
    assert at.text("#export") == "ייצוא ל־Excel"
    with at.page.expect_download() as download:
        at.page.click("#export")
    assert re.fullmatch(r"deliveries-\d{4}-\d\d-\d\d\.csv", download.value.suggested_filename)
    download.value.save_as(tmp_path / "file.csv")
    with (tmp_path / "file.csv").open(encoding="utf-8-sig", newline="") as opened:
        found = list(csv.DictReader(opened))
    assert ids(found) == [record["event_id"] for record in records if record["status"] == "failed"][::-1]


def test_link_to_the_file_after_the_session_has_ended_leads_to_a_page(owner: Owner) -> None:
    reply = owner.portal.send("GET", "/deliveries.csv")
    assert (reply.status, reply.media_type) == (401, "text/html")
    filed = owner.portal.send("GET", "/deliveries.csv?status=failed", headers={"Cookie": owner.cookie()})
    assert (filed.status, filed.media_type) == (200, "text/csv")
