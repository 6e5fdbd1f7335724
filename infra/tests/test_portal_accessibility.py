"""Every state of the page is accessible, fits the screen, is small, and escapes texts of strangers."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.fakes.receiver import Answer
from infra.local import environment
from infra.local.business import new_signing_secret
from infra.local.processes import until

from .browsing import Size, Visit
from .portal import Owner
from .test_portal_deliveries import written
from .test_portal_page import TEST, enters, saves, shows
from .test_portal_sending import event_ids
from .waits import SECONDS

pytestmark = pytest.mark.portal

HOSTILE = "<script>window.pwned=1</script>\"'><img src=x onerror=window.pwned=1>{{7*7}}&lt;b&gt;"
LONG = "x" * 300
MOST_BYTES = 60_000

JAVASCRIPT = """
const fs = require('node:fs');
const { secret, headers, body } = JSON.parse(fs.readFileSync(0, 'utf8'));
const parsed = JSON.parse(body);
if (JSON.stringify(parsed) !== body) throw new Error('the body is not what JavaScript would write');
console.log(verify(secret, headers, body) === true);
"""
PYTHON = """
import json, sys
from standardwebhooks.webhooks import WebhookVerificationError

given = json.load(sys.stdin)
try:
    print(str(verify(given["secret"], given["headers"], given["body"]) == json.loads(given["body"])).lower())
except WebhookVerificationError:
    print("false")
"""


def verdict(interpreter: Path, script: Path, given: dict[str, object]) -> str:
    """Give a script a secret, headers and a body, and return its verdict."""
    ended = subprocess.run(
        [interpreter, script], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=SECONDS
    )
    return ended.stdout.strip()


def states(at: Visit, owner: Owner) -> dict[str, Callable[[], Any]]:
    """Give the actions that bring the page to each of its states, in order."""
    page, business, url = at.page, owner.business, owner.portal.url
    script = business.receiver.script

    def tested(answer: Answer) -> None:
        script(business.path, answer)
        at.press(TEST)

    def paused_with_waiting() -> None:
        at.unfold("#edit")
        at.press('form[action="/pause"]')
        event_ids(business, 1, "held")
        page.goto(url)

    def failed_delivery() -> None:
        script(business.path, Answer(200))
        at.press('form[action="/resume"]')
        shows(at, '#deliveries [data-status="delivered"]')
        script(business.path, Answer(500, f"{LONG} {HOSTILE}".encode()))
        [event_id] = event_ids(business, 1, "failed")
        page.goto(f"{url}/deliveries/{event_id}")

    def failing() -> None:
        business.publish()
        until(lambda: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
        page.goto(url)

    return {
        "nobody": lambda: page.goto(url),
        "new": lambda: enters(at, owner),
        "refused": lambda: saves(at, f"https://user:{LONG}@receiver.example/"),
        "hints": lambda: saves(at, f"http://hooks.slack.com/webhook-test/{LONG}"),
        "previewed": lambda: previewed(at),
        "template": lambda: templated(at),
        "saved": lambda: saves(at, owner.url),
        "tested": lambda: tested(Answer(200, b"thanks")),
        "failed test": lambda: tested(Answer(500, f"{LONG} {HOSTILE}".encode())),
        "secret": lambda: page.goto(f"{url}/?secret=shown"),
        "rotated": lambda: at.press('form[action="/signing-secret/rotate"]'),
        "paused": paused_with_waiting,
        "failed delivery": failed_delivery,
        "failing": failing,
        "log": lambda: (written(owner, 60), page.goto(url)),
        "older": lambda: page.click('a[rel="next"]'),
        "failed ones": lambda: page.goto(f"{url}/?status=failed"),
        "nothing found": lambda: page.goto(f"{url}/?search=nothing"),
        "no such page": lambda: page.goto(f"{url}/deliveries/evt_0"),
        "guides": lambda: page.goto(f"{url}/connect"),
        "guide": lambda: page.goto(f"{url}/connect/slack"),
        "guide, refused": lambda: saves(at, f"https://user:{LONG}@receiver.example/"),
        "guide, saved": lambda: saves(at, owner.url),
        "guide, failed test": lambda: tested(Answer(500, f"{LONG} {HOSTILE}".encode())),
        "guide, tested": lambda: tested(Answer(200, b"thanks")),
        "guide with a record": lambda: page.goto(f"{url}/connect/fireberry"),
        "guide with code": lambda: page.goto(f"{url}/connect/google-sheets"),
        "guide with everything": lambda: page.goto(f"{url}/connect/other"),
        "what is sent": lambda: page.goto(f"{url}/events"),
    }


def previewed(at: Visit) -> None:
    """Ask for a preview of a chat's message."""
    at.page.select_option("#payload_format", "slack")
    with at.page.expect_navigation():
        at.page.click('#settings button[formaction^="/preview"]')


def templated(at: Visit) -> None:
    """Save a template that is refused."""
    at.page.select_option("#payload_format", "template")
    at.page.fill("#payload_template", f"{{{LONG}")
    at.press('form[action="/settings"]')
    at.page.select_option("#payload_format", "auto")


def opened(at: Visit) -> None:
    """Open every element that can be opened, so that its content is judged too."""
    at.page.evaluate("for (const element of document.querySelectorAll('details')) element.open = true")


@pytest.mark.parametrize("size", Size)
def test_every_state_passes_axe_and_fits_the_screen_in_light_and_in_dark(
    owner: Owner, visit: Callable[..., Visit], size: Size
) -> None:
    at = visit(size)
    at.expected = {401, 404, 422}
    found = {}
    for name, reach in states(at, owner).items():
        reach()
        opened(at)
        for scheme in ("light", "dark"):
            at.page.emulate_media(color_scheme=scheme)
            found[f"{name}, {scheme}"] = at.findings() + [f"{px} px too wide" for px in [at.overflow()] if px > 0]
        at.page.emulate_media(color_scheme="light")
    assert {name: findings for name, findings in found.items() if findings} == {}


def test_page_and_style_together_are_small(owner: Owner) -> None:
    owner.saves(owner.url)
    written(owner, 40)
    send, cookie = owner.portal.send, {"Cookie": owner.cookie()}
    page, style = send("GET", "/?secret=shown", headers=cookie), send("GET", "/page.css")
    assert page.text.count("data-event-id=") == 20
    assert len(page.body) + len(style.body) < MOST_BYTES
    assert 'style="' not in page.text
    assert "http://" not in page.text.replace(owner.url, "")


def test_text_of_strangers_is_escaped(owner: Owner, visit: Callable[..., Visit]) -> None:
    business, at = owner.business, visit(Size.PHONE)
    at.expected = {422}
    enters(at, owner)
    saves(at, owner.url)
    business.receiver.script(business.path, Answer(500, HOSTILE.encode()))
    at.press(TEST)
    assert HOSTILE in at.page.text_content("#test-result")
    business.receiver.script(business.path, Answer(200, HOSTILE.encode()))
    business.publish(
        business.call(call_id=HOSTILE, transcript=f"\u202e{HOSTILE}", agent_name=HOSTILE, summary=f"{HOSTILE} {LONG}")
    )
    shows_home(at, owner, '#deliveries [data-status="delivered"]')
    assert HOSTILE[:70] in at.page.text_content("#deliveries"), "the row has the first words of the summary"
    assert at.overflow() <= 0
    at.page.click("#deliveries [data-event-id] a")
    at.page.wait_for_url("**/deliveries/evt_*")
    opened(at)
    for part in ("#delivery", "#attempts", "#body"):
        assert HOSTILE in at.page.text_content(part), part
    assert at.overflow() <= 0
    at.page.goto(
        f"{owner.portal.url}/?search=%22%3E%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E&status=%3Cb%3E&said=%3Cb%3E"
    )
    assert at.page.input_value("#search") == '"><script>window.pwned=1</script>'
    saves(at, f"no-url/{HOSTILE}")
    assert at.page.input_value("#generic_webhook_url") == f"no-url/{HOSTILE}"
    assert at.page.evaluate("window.pwned") is None
    assert at.page.locator("img").count() == 0


def shows_home(at: Visit, owner: Owner, row: str) -> None:
    """Reload the main page until its log has a row."""
    at.page.goto(owner.portal.url)
    shows(at, row)


@pytest.mark.parametrize(
    ("block", "further", "interpreter"),
    [("#node-code", JAVASCRIPT, environment.NODE), ("#python-code", PYTHON, Path(sys.executable))],
    ids=["node", "python"],
)
def test_verification_code_on_the_page_accepts_a_real_request(
    owner: Owner, visit: Callable[..., Visit], tmp_path: Path, block: str, further: str, interpreter: Path
) -> None:
    at = visit()
    enters(at, owner)
    saves(at, owner.url)
    lines = at.page.text_content(block).splitlines()
    assert "whsec_" in lines[-1], "the last line of the code calls the function"
    script = tmp_path / "verify"
    script.write_text("\n".join(lines[:-1]) + further)
    owner.business.publish()
    [request] = owner.business.receives()
    given = {"secret": owner.item()["signing_secret"], "headers": request.headers, "body": request.body.decode()}
    assert verdict(interpreter, script, given) == "true"
    assert verdict(interpreter, script, given | {"body": given["body"].replace("inbound", "outbound")}) == "false"
    assert verdict(interpreter, script, given | {"secret": new_signing_secret()}) == "false"
    late = request.headers | {"webhook-timestamp": "1762155755"}
    assert verdict(interpreter, script, given | {"headers": late}) == "false"
