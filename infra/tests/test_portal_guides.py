"""The guides of the owner's page and the page that says what is sent, in a real browser; without JavaScript too."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from infra.fakes.chat_receivers import CHATS
from infra.fakes.receiver import Answer
from infra.local import environment
from infra.local.processes import until

from .browsing import Size, Visit
from .portal import Owner, Reply
from .test_portal_page import HEBREW, SETTINGS, TEST, enters, saves
from .waits import SECONDS

pytestmark = pytest.mark.portal

GUIDES = (
    "google-sheets",
    "make",
    "monday",
    "fireberry",
    "zapier",
    "n8n",
    "slack",
    "teams",
    "google-chat",
    "discord",
    "airtable",
    "power-automate",
    "email",
    "other",
)
FORM = "application/x-www-form-urlencoded"
SCHEMAS = environment.ROOT / "events" / "schemas"
RECEIVERS = environment.ROOT / "events" / "receivers"
WAYS = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])


def submits(owner: Owner, path: str, **fields: str) -> Reply:
    """Submit a form as the page does."""
    headers = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "same-origin", "Content-Type": FORM}
    return owner.portal.send("POST", path, urlencode(fields), headers=headers)


def guide(owner: Owner, slug: str) -> str:
    """Give the page of a guide."""
    reply = owner.portal.send("GET", f"/connect/{slug}", headers={"Cookie": owner.cookie()})
    assert reply.status == 200, slug
    return reply.text


@WAYS
def test_owner_connects_a_chat_without_leaving_its_guide(
    owner: Owner, visit: Callable[..., Visit], javascript: bool
) -> None:
    page = (at := visit(Size.PHONE, javascript=javascript)).page
    enters(at, owner)
    page.goto(f"{owner.portal.url}/connect")
    assert "איך מחברים?" in at.text("h1")
    with page.expect_navigation():
        page.click('a[href="/connect/slack"]')
    assert page.locator(TEST).count() == 0, "there is no URL that could be tested"
    assert owner.item() == {}

    saves(at, owner.url)
    said = "" if javascript else "?said=saved"  # A script takes out of the address what was said.
    assert page.url == f"{owner.portal.url}/connect/slack{said}#test"
    assert "נשמר" in at.text("#test #notice")
    assert page.input_value("#generic_webhook_url") == owner.url
    assert owner.item()["generic_webhook_url"] == owner.url
    assert owner.item()["payload_format"] == "auto"

    at.press(TEST)
    assert page.locator("#guide").get_attribute("data-guide") == "slack"
    assert page.get_attribute("#test #test-result", "data-arrived") == "true"
    assert page.locator("#done").is_visible()
    assert [request.headers["x-prosaas-event"] for request in owner.business.received()] == ["webhook.test"]
    at.picture(f"guide-{'javascript' if javascript else 'plain'}")

    owner.business.receiver.script(owner.business.path, Answer(404, b"no_service"))
    at.press(TEST)
    assert page.get_attribute("#test-result", "data-arrived") == "false"
    assert "404" in at.text("#test-result")
    assert page.locator("#done").count() == 0


@WAYS
def test_refused_url_stays_in_the_guide_with_its_reason_and_nothing_is_saved(
    owner: Owner, visit: Callable[..., Visit], javascript: bool
) -> None:
    page = (at := visit(Size.PHONE, javascript=javascript)).page
    at.expected = {422}
    enters(at, owner)
    page.goto(f"{owner.portal.url}/connect/discord")
    for typed in ("discord.com/api/webhooks/1/x", "https://user:word@discord.com/", ""):
        saves(at, typed)
        assert page.locator("#guide").get_attribute("data-guide") == "discord"
        assert page.input_value("#generic_webhook_url") == typed
        assert HEBREW.search(at.text("#generic_webhook_url-error"))
        assert page.get_attribute("#generic_webhook_url", "aria-invalid") == "true"
        assert "generic_webhook_url" not in owner.item()
    saves(at, "https://discord.com/api/webhooks/1/x")
    assert owner.item()["generic_webhook_url"] == "https://discord.com/api/webhooks/1/x"


def test_empty_field_of_a_guide_does_not_remove_the_url(owner: Owner) -> None:
    owner.saves("https://hooks.slack.com/services/T/B/x")
    reply = submits(owner, "/settings", guide="discord", generic_webhook_url=" \u200f", payload_format="auto")
    assert reply.status == 422
    assert owner.item()["generic_webhook_url"] == "https://hooks.slack.com/services/T/B/x"


@WAYS
def test_guide_of_a_record_saves_header_template_and_format(
    owner: Owner, visit: Callable[..., Visit], javascript: bool
) -> None:
    page = (at := visit(Size.PHONE, javascript=javascript)).page
    at.expected = {422}
    enters(at, owner)
    page.goto(f"{owner.portal.url}/connect/fireberry")
    assert page.input_value("#generic_webhook_url") == "https://api.fireberry.com/api/record/account"
    at.press(SETTINGS)
    assert HEBREW.search(at.text("#static_header_value-error")), "no token was given"
    page.fill("#static_header_value", "a-token-of-fireberry")
    saves(at, owner.url)
    owner.business.confidential.add("a-token-of-fireberry")
    item = owner.item()
    assert (item["static_header_name"], item["static_header_value"]) == ("tokenid", "a-token-of-fireberry")
    assert item["payload_format"] == "template"
    assert json.loads(item["payload_template"])["telephone1"] == "{{phone}}"
    at.press(TEST)
    assert page.get_attribute("#test-result", "data-arrived") == "true"
    assert "a-token-of-fireberry" not in page.content()
    [request] = owner.business.received()
    assert request.headers["tokenid"] == "a-token-of-fireberry"
    body = json.loads(request.body)
    assert body["accountname"] == f"שיחה מ-{body['telephone1']}"
    assert body["description"]

    page.fill("#payload_template", '{"firstname": "{{phone}}"}')
    at.press(SETTINGS)
    item = owner.item()
    assert item["static_header_value"] == "a-token-of-fireberry", "an empty field keeps the value"
    assert item["payload_template"] == '{"firstname": "{{phone}}"}'


def test_guide_of_teams_saves_its_format_and_says_to_look_into_the_channel(
    owner: Owner, visit: Callable[..., Visit]
) -> None:
    at = visit(Size.PHONE)
    enters(at, owner)
    at.page.goto(f"{owner.portal.url}/connect/teams")
    saves(at, owner.url)
    assert owner.item()["payload_format"] == "teams"
    owner.business.receiver.judge(owner.business.path, CHATS["teams"].judge)
    at.press(TEST)
    assert "בערוץ" in at.text("#test-result")
    [request] = owner.business.received()
    assert CHATS["teams"].faults(request.body) == []


def test_what_a_guide_does_not_ask_for_stays_as_it_is_stored_while_the_host_does(owner: Owner) -> None:
    template = '{"a": "{{phone}}"}'
    header = {"name": "X-Key", "value": "a-value-that-stays"}
    stored: dict[str, Any] = {"static_header": header, "payload_template": template, "payload_format": "template"}
    assert owner.saves(owner.url, notify_email="owner@example.com", **stored).status == 200
    another = owner.business.receiver.url + owner.business.new_path()
    reply = submits(owner, "/settings", guide="slack", generic_webhook_url=another)
    assert (reply.status, reply.headers["location"]) == (303, "/connect/slack?said=saved#test")
    item = owner.item()
    assert item["generic_webhook_url"] == another
    assert item["notify_email"] == "owner@example.com"
    assert (item["static_header_name"], item["static_header_value"]) == ("X-Key", "a-value-that-stays")
    assert (item["payload_format"], item["payload_template"]) == ("template", template)
    assert submits(owner, "/settings", guide="slack", generic_webhook_url=another, payload_format="auto").status == 303
    item = owner.item()
    assert item["static_header_name"] == "X-Key"
    assert (item["payload_format"], item["payload_template"]) == ("auto", template)
    cleared = submits(owner, "/settings", generic_webhook_url=another, static_header_name="", static_header_value="")
    assert cleared.status == 303
    assert "static_header_name" not in owner.item()


@pytest.mark.parametrize("slug", ["slack", "make"])
def test_header_of_another_tool_is_removed_by_a_guide_that_says_so(
    owner: Owner, visit: Callable[..., Visit], slug: str
) -> None:
    page = (at := visit(Size.PHONE)).page
    enters(at, owner)
    fireberry = "https://api.fireberry.com/api/record/account"
    header = {"name": "tokenid", "value": "a-token-of-another-tool"}
    stored: dict[str, Any] = {"payload_format": "template", "payload_template": '{"a": "{{phone}}"}'}
    assert owner.saves(fireberry, static_header=header, notify_email="owner@example.com", **stored).status == 200
    page.goto(f"{owner.portal.url}/connect/{slug}")
    assert "tokenid" in at.text("#removed-header")
    saves(at, owner.url)
    item = owner.item()
    assert not {"static_header_name", "static_header_value"} & item.keys()
    assert (item["payload_format"], item["notify_email"]) == ("auto", "owner@example.com")
    assert page.locator("#removed-header").count() == 0
    at.press(TEST)
    [request] = owner.business.received()
    assert "tokenid" not in request.headers


def test_format_that_the_owner_chose_stays_when_the_guide_of_its_url_is_saved(
    owner: Owner, visit: Callable[..., Visit]
) -> None:
    page = (at := visit(Size.PHONE)).page
    enters(at, owner)
    made = "https://hook.eu2.make.com/x"
    owner.saves(made, payload_format="template", payload_template='{"a": "{{phone}}"}')
    page.goto(f"{owner.portal.url}/connect/make")
    assert page.input_value("#generic_webhook_url") == made
    assert "תבנית" in at.text("#kept-format")
    at.press(SETTINGS)
    assert owner.item()["payload_format"] == "template"
    saves(at, owner.url)
    assert owner.item()["payload_format"] == "auto", "another host is another tool's"


def test_format_tells_the_guide_of_teams_from_that_of_power_automate(owner: Owner) -> None:
    flow = "https://a.1.environment.api.powerplatform.com/workflows/x"
    for stored, own, other in (("teams", "teams", "power-automate"), ("auto", "power-automate", "teams")):
        assert owner.saves(flow, payload_format=stored).status == 200
        assert f'value="{flow}"' in guide(owner, own)
        assert 'id="elsewhere"' not in guide(owner, own)
        assert f'value="{flow}"' not in guide(owner, other)
        assert 'id="elsewhere"' in guide(owner, other)


def test_last_days_are_offered_after_the_test_of_a_guide_once_there_are_any(
    owner: Owner, visit: Callable[..., Visit]
) -> None:
    page = (at := visit(Size.PHONE)).page
    enters(at, owner)
    page.goto(f"{owner.portal.url}/connect/slack")
    saves(at, owner.url)
    at.press(TEST)
    offer = page.locator('#test a[href="/?open=range#range"]')
    assert page.locator("#done").is_visible()
    assert offer.count() == 0, "there is nothing to send"
    owner.business.publish()
    owner.business.receives(2)
    until(lambda: owner.get("/api/deliveries").json["deliveries"], SECONDS, "the delivery", every=0.2)
    at.press(TEST)
    offer.click()
    page.wait_for_url("**/?open=range#range")
    assert page.locator("#range-delivered").is_visible()
    assert page.locator("#range-delivered").is_checked()


def test_url_is_shown_in_its_own_guide_and_its_host_in_the_others(owner: Owner, visit: Callable[..., Visit]) -> None:
    page = (at := visit(Size.PHONE)).page
    enters(at, owner)
    owner.saves("https://hooks.slack.com/services/T/B/x")
    page.goto(f"{owner.portal.url}/connect/slack")
    assert page.input_value("#generic_webhook_url") == "https://hooks.slack.com/services/T/B/x"
    assert page.locator("#elsewhere").count() == 0
    assert page.locator(TEST).count() == 1
    page.goto(f"{owner.portal.url}/connect/make")
    assert page.input_value("#generic_webhook_url") == ""
    assert "hooks.slack.com" in at.text("#elsewhere")
    assert page.locator(TEST).count() == 0, "a test would go to Slack"


def test_test_of_a_guide_has_the_limit_of_all_tests_and_says_so_in_the_guide(owner: Owner) -> None:
    gone = submits(owner, "/test", guide="n8n")
    assert (gone.status, gone.headers["location"]) == (303, "/connect/n8n?said=no-url#paste")
    owner.saves(owner.url)

    def refused() -> bool:
        reply = submits(owner, "/test", guide="n8n")
        assert 'data-guide="n8n"' in reply.text
        assert reply.status == 200 or int(reply.headers["retry-after"]) <= 60
        return reply.status == 429 and "עשר בדיקות בדקה" in reply.text

    until(refused, SECONDS, "a test that is one too many", every=0)


def test_each_guide_is_there_and_no_other(owner: Owner) -> None:
    for slug in GUIDES:
        text = guide(owner, slug)
        assert f'data-guide="{slug}"' in text
        assert len(text.encode()) < 30_000, slug
    for path in ("/connect/nothing", "/connect/Slack", "/connect/slack/more"):
        assert owner.portal.send("GET", path, headers={"Cookie": owner.cookie()}).status == 404, path
    assert submits(owner, "/settings", guide="nothing", generic_webhook_url=owner.url).status == 422
    assert owner.item() == {}


@pytest.mark.parametrize(
    ("path", "file", "name"),
    [
        ("/connect/n8n.json", "n8n.json", "prosaas-n8n.json"),
        ("/connect/google-sheets.gs", "google_sheets.gs", "prosaas-google-sheets.gs"),
        ("/connect/files/n8n_verify.json", "n8n_verify.json", "prosaas-n8n-verify.json"),
        ("/connect/files/n8n_header_auth.json", "n8n_header_auth.json", "prosaas-n8n-header-auth.json"),
        ("/connect/files/n8n_google_sheets.json", "n8n_google_sheets.json", "prosaas-n8n-google-sheets.json"),
        ("/connect/files/n8n_slack.json", "n8n_slack.json", "prosaas-n8n-slack.json"),
        ("/connect/files/n8n_monday.json", "n8n_monday.json", "prosaas-n8n-monday.json"),
        ("/connect/files/llms.txt", "../llms.txt", "prosaas-llms.txt"),
    ],
)
def test_files_of_the_guides_are_downloaded_by_owners_alone(owner: Owner, path: str, file: str, name: str) -> None:
    reply = owner.portal.send("GET", path, headers={"Cookie": owner.cookie()})
    assert reply.status == 200
    assert reply.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert reply.body == (RECEIVERS / file).read_bytes()
    assert owner.portal.send("GET", path).status == 401


def test_file_that_no_guide_offers_is_not_found(owner: Owner) -> None:
    for name in ("try.py", "n8n.json", "..%2Fllms.txt", "%FF"):
        path = f"/connect/files/{name}"
        assert owner.portal.send("GET", path, headers={"Cookie": owner.cookie()}).status == 404, name


def test_guides_link_only_to_files_that_are_there(owner: Owner) -> None:
    for slug in GUIDES:
        for path in re.findall(r'href="(/connect/[^"]*)" download', guide(owner, slug)):
            assert owner.portal.send("GET", path, headers={"Cookie": owner.cookie()}).status == 200, path


def test_code_for_a_sheet_is_copied_as_it_is(owner: Owner, visit: Callable[..., Visit]) -> None:
    page = (at := visit()).page
    enters(at, owner)
    page.goto(f"{owner.portal.url}/connect/google-sheets")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=owner.portal.url)
    page.click("button[data-copy=script]")
    code = (RECEIVERS / "google_sheets.gs").read_text()
    until(lambda: page.evaluate("navigator.clipboard.readText()") == code, SECONDS, "the code, copied")


def test_page_of_what_is_sent_has_every_field_of_every_schema_and_examples(
    owner: Owner, visit: Callable[..., Visit]
) -> None:
    page = (at := visit(Size.PHONE)).page
    enters(at, owner)
    page.goto(f"{owner.portal.url}/events")
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text())
        event_type = schema["properties"]["event_type"].get("const")
        place = page.locator(f"#{event_type.replace('.', '-').replace('_', '-') if event_type else 'other'}")
        rows = place.locator("[data-field]")
        assert [row.get_attribute("data-field") for row in rows.all()] == schema["required"], path.name
        assert all(HEBREW.search(row.text_content() or "") for row in rows.all())
        if event_type:
            example = json.loads(place.locator("pre").text_content() or "")
            assert list(example) == schema["required"], path.name
            assert (example["event_type"], example["business_id"]) == (event_type, owner.id)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=owner.portal.url)
    page.click("#call-completed summary")
    page.click("#call-completed button[data-copy]")
    copied = "navigator.clipboard.readText()"
    until(lambda: '"call.completed"' in page.evaluate(copied), SECONDS, "the example, copied")
    assert json.loads(page.evaluate(copied))["business_id"] == owner.id
