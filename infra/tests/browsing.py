"""A real browser: the machine's Chromium, driven by Playwright, which is installed without a browser of its own.

A visit records the browser's complaints: an error in the console, a violation of the content security policy, a request
that fails, a request that leaves the page's own site. The visit fails at its end if there was a complaint.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
from playwright.sync_api import Browser, Page, Request, sync_playwright

from infra.local import environment

from .waits import SECONDS

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SCREENSHOTS = os.environ.get("SCREENSHOTS")
"""The folder for pictures. Unset: no pictures are taken."""


class Size(Enum):
    """The size of the browser's window."""

    PHONE = (360, 740)
    DESKTOP = (1280, 900)


class Visit:
    """A page of the browser, and the browser's complaints about it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.forgiven: tuple[str, ...] = ()
        """Words of complaints that a test expects, where the page is to be refused."""
        self.expected: set[int] = set()
        """Statuses of errors that a test expects. A browser writes each of them to the console."""
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def text(self, selector: str) -> str:
        """Give the visible text of an element."""
        return self.page.locator(selector).first.inner_text()

    def press(self, form: str) -> None:
        """Submit the form of an action by its button, and wait for the page that follows."""
        button = self.page.locator(f"{form} button:not([type=button])").first
        with self.page.expect_navigation():
            button.click()

    def unfold(self, details: str) -> None:
        """Open a `details` element by its summary, if the page has it and it is closed."""
        closed = self.page.locator(f"{details}:not([open])")
        if closed.count():
            closed.locator("summary").first.click()

    def overflow(self) -> int:
        """Give by how many pixels the page is wider than the screen."""
        root = "document.documentElement"
        return self.page.evaluate(f"Math.max({root}.scrollWidth, document.body.scrollWidth) - {root}.clientWidth")

    def findings(self) -> list[str]:
        """Give axe-core's serious and critical findings, with their elements."""
        self.page.evaluate(AXE)
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        grave = [entry for entry in found["violations"] if entry["impact"] in ("serious", "critical")]
        return [f"{entry['id']}: {node['html'][:200]}" for entry in grave for node in entry["nodes"]]

    def picture(self, name: str, selector: str | None = None) -> None:
        """Take a picture if there is a folder for pictures."""
        if SCREENSHOTS:
            path = Path(SCREENSHOTS) / f"{name}.png"
            target = self.page.locator(selector).first if selector else self.page
            target.screenshot(path=path, **({} if selector else {"full_page": True}))

    def _console(self, kind: str, text: str) -> None:
        is_expected = any(f"status of {status} " in text for status in self.expected)
        if kind in ("error", "warning") and not is_expected:
            self.complaints.append(f"console: {text}")

    def _failed(self, request: Request) -> None:
        # The browser aborts a request when the next page is opened, which is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium for as long as the block lasts."""
    path = shutil.which(os.environ.get("CHROMIUM") or "chromium")
    assert path, "no Chromium: sh infra/local/chromium.sh installs it"
    with sync_playwright() as playwright:
        # The browser uses no proxy, since every page that it opens is on this machine.
        env = environment.minimal() | {"NO_PROXY": "*"}
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, "--no-proxy-server"], env=env)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visiting(browser: Browser, size: Size, *, javascript: bool = True, hosts: int = 1) -> Iterator[Visit]:
    """Open an empty page with the settings of an owner in Israel, and fail at the end if the browser complained.

    The page's requests go to at most so many `hosts`: one, unless the page is in a frame.
    """
    width, height = size.value
    context = browser.new_context(
        viewport={"width": width, "height": height},
        is_mobile=size is Size.PHONE,
        has_touch=size is Size.PHONE,
        device_scale_factor=2 if size is Size.PHONE and SCREENSHOTS else 1,
        java_script_enabled=javascript,
        color_scheme="light",
        locale="he-IL",
        timezone_id="Asia/Jerusalem",
    )
    context.set_default_timeout(SECONDS * 1000)
    try:
        visit = Visit(context.new_page())
        yield visit
        assert [one for one in visit.complaints if not any(word in one for word in visit.forgiven)] == []
        assert len(visit.hosts) <= hosts, "the page sends no request to another host"
    finally:
        context.close()
