"""An owner's first week in one visit: from a link and a tool to a log that is exported, with a breakdown in between.

The stack of this test mails owners, which the shared stack does not.
"""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.chat_receivers import CHATS
from infra.fakes.receiver import Answer, Receiver
from infra.local.building import build
from infra.local.mailbox import Mail, mails, verify
from infra.local.processes import until
from infra.local.stack import Stack, running_stack

from .browsing import Size, Visit
from .business import TestBusiness
from .conftest import LOGS
from .logs import Confidential
from .portal import Owner, Portal
from .test_portal_page import enters, saves, shows
from .waits import SECONDS

pytestmark = [pytest.mark.own_stack, pytest.mark.mails]

SENDER, DASHBOARD = "notices@prosaas.example", "https://app.example.com/webhook"
PARAMETERS = {
    "RetryScheduleSeconds": "1,1,6",
    "MaxAttempts": "30",
    "AttemptTimeoutSeconds": "2",
    "NoticesFrom": SENDER,
    "DashboardUrl": DASHBOARD,
}
TEAMS = CHATS["teams"]
FIRST, FAILING = 2, 5
"""How many calls end while all is well, and how many after the receiver has gone."""


@pytest.fixture(scope="module")
def mailing() -> Iterator[Stack]:
    """Give a stack that mails owners."""
    build()
    with running_stack(PARAMETERS, logs=LOGS / "story") as deployed:
        verify(deployed, SENDER)
        yield deployed


class Story:
    """An owner, the owner's browser and the receiver of the business, from chapter to chapter."""

    def __init__(self, business: TestBusiness, visit: Visit) -> None:
        self.business = business
        self.stack, self.receiver = business.stack, business.receiver
        self.owner = Owner(business, Portal(business.stack))
        self.visit, self.page = visit, visit.page
        self.address = f"owner-{business.id}@example.com"
        self.mended = business.new_path()
        self.calls: list[dict[str, Any]] = []

    def publishes(self, count: int) -> None:
        """End so many calls."""
        self.calls += [self.business.publish() for _ in range(count)]

    def state(self) -> str | None:
        """Give the state that the page shows."""
        return self.page.get_attribute("#status", "data-state")

    def connects(self) -> None:
        """Follow a guide to its end: the page of a new business leads with the tools."""
        enters(self.visit, self.owner)
        self.page.click('#status a[href="/connect"]')
        self.page.click('a[href="/connect/teams"]')
        self.receiver.judge(self.business.path, TEAMS.judge)
        self.page.fill("#paste input[name=generic_webhook_url]", self.owner.url)
        self.visit.press("#paste form")
        self.visit.press("#test form")
        assert self.page.get_attribute("#test-result", "data-arrived") == "true"

    def works(self) -> None:
        """See calls arrive as cards, and ask for a mail if they stop."""
        self.page.goto(self.owner.portal.url)
        self.visit.unfold("#edit")
        self.page.fill("#notify_email", self.address)
        self.visit.press('form[action="/settings"]')
        self.publishes(FIRST)
        for request in self.business.receives(1 + FIRST):
            assert TEAMS.faults(request.body) == []
        shows(self.visit, '#deliveries [data-status="delivered"]')
        assert self.calls[0]["summary"][:30] in self.visit.text("#deliveries")
        assert self.state() == "active"

    def breaks(self) -> None:
        """Lose the flow behind the URL, be mailed, and read the same words on the page."""
        gone = self.business.new_path()
        self.receiver.script(gone, Answer(404, b"WorkflowNotFound"))
        saves(self.visit, self.receiver.url + gone)
        self.publishes(FAILING)
        until(lambda: self.mails() != [], SECONDS, "a mail", every=0.2)
        [mail] = self.mails()
        assert DASHBOARD in mail.text
        self.page.goto(self.owner.portal.url)
        assert self.state() == "failing"
        for told in (mail.subject, mail.text, self.visit.text("#status-title")):
            assert "לא מגיעים למערכת שלך" in told
        assert re.search(rf"ממתינים\s+{FAILING}\s", self.visit.text("#summary")), "the strip counts what waits"
        self.visit.picture("story-failing")

    def mails(self) -> list[Mail]:
        """Give the mails to the owner so far."""
        return [mail for mail in mails(self.stack) if mail.to == (self.address,)]

    def mends(self) -> None:
        """Go from the status to the URL and save another one, to which what was held is sent."""
        self.page.click('#status a[href*="open=settings"]')
        assert self.page.locator("#generic_webhook_url").is_visible()
        self.receiver.judge(self.mended, TEAMS.judge)
        saves(self.visit, self.receiver.url + self.mended)
        self.business.receives(FAILING, self.mended)

    def replays(self) -> None:
        """Send the calls from before the breakdown to the new URL too."""
        self.page.click('#notice a[href="#range"]')
        assert self.page.is_checked("#range-delivered"), "the new URL has had none of the calls"
        self.visit.press('form[action="/deliveries/resend"]:has(input[value="range"])')
        self.business.receives(FAILING + len(self.calls), self.mended)

        def done() -> bool:
            self.page.goto(self.owner.portal.url)
            return self.page.get_attribute("#replay", "data-state") == "done"

        until(done, SECONDS, "a replay that is done", every=0.3)

    def looks_back(self, file: Path) -> None:
        """See the strip tell the story, and take the log home."""
        assert self.state() == "active"
        today = self.page.locator("#summary table tr").last.inner_text()
        assert re.findall(r"\d+", today) == [str(len(self.calls)), "0", "0"]
        assert "100%" in self.visit.text("#summary")
        self.visit.picture("story-mended")
        self.visit.unfold("#log-tools")
        with self.page.expect_download() as download:
            self.page.click("#export")
        download.value.save_as(file)
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened))
        assert sorted(row["subject"] for row in rows) == sorted(call["call_id"] for call in self.calls)
        assert {row["status"] for row in rows} == {"delivered"}


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_owner_connects_a_tool_loses_it_is_mailed_mends_it_and_replays_what_was_missed(
    mailing: Stack,
    receiver: Receiver,
    confidential: Confidential,
    visit: Callable[..., Visit],
    tmp_path: Path,
    javascript: bool,
) -> None:
    business = TestBusiness(f"b-{uuid4().hex[:12]}", mailing, receiver, confidential)
    story = Story(business, visit(Size.PHONE, javascript=javascript))
    story.connects()
    story.works()
    story.breaks()
    story.mends()
    story.replays()
    story.looks_back(tmp_path / "file.csv")
    assert story.visit.overflow() <= 0
