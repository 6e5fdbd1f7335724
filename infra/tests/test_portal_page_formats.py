"""The format on the owner's page, in a real browser: chosen, previewed, refused, tested; without JavaScript too."""

import json
from collections.abc import Callable

import pytest

from infra.fakes.chat_receivers import CHATS

from .browsing import Visit
from .portal import Owner
from .test_portal_page import HEBREW, SETTINGS, TEST, enters, saves

pytestmark = pytest.mark.portal

PREVIEW = 'button[formaction^="/preview"]'
WAYS = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])


def previews(visit: Visit, section: str) -> str:
    """Press a section's button for a preview, and give the preview."""
    with visit.page.expect_navigation():
        visit.page.click(f"{section} {PREVIEW}")
    return visit.page.text_content("#preview") or ""


@WAYS
def test_chosen_format_is_previewed_saved_and_sent(owner: Owner, visit: Callable[..., Visit], javascript: bool) -> None:
    page = (at := visit(javascript=javascript)).page
    enters(at, owner)
    assert page.input_value("#payload_format") == "auto"
    page.fill("#generic_webhook_url", owner.url)
    page.select_option("#payload_format", "slack")
    assert "הסתיימה שיחה נכנסת" in previews(at, "#settings")
    assert page.input_value("#generic_webhook_url") == owner.url, "what was typed stays"
    assert page.input_value("#payload_format") == "slack"
    assert "נשלח כהודעת Slack" in at.text("#settings")
    assert owner.item() == {}, "a preview stores nothing"
    at.press(SETTINGS)
    assert owner.item()["payload_format"] == "slack"
    assert "payload_template" not in owner.item()
    owner.business.receiver.judge(owner.business.path, CHATS["slack"].judge)
    at.press(TEST)
    assert page.get_attribute("#test-result", "data-arrived") == "true"
    [request] = owner.business.received()
    assert CHATS["slack"].faults(request.body) == []


@WAYS
def test_automatic_format_says_what_it_comes_to(owner: Owner, visit: Callable[..., Visit], javascript: bool) -> None:
    at = visit(javascript=javascript)
    enters(at, owner)
    for url, says in [
        ("https://hooks.slack.com/services/T/B/x", "נשלח כהודעת Slack"),
        ("https://discord.com/api/webhooks/1/x", "נשלח כהודעת Discord"),
        ("https://n8n.example/webhook/x", "העדכון המלא"),
    ]:
        saves(at, url)
        at.unfold("#edit")
        assert says in at.text("#payload_format-help")
        assert at.page.locator("#generic_webhook_url-hints").count() == 0


@WAYS
def test_template_is_shown_only_while_it_is_what_is_sent(
    owner: Owner, visit: Callable[..., Visit], javascript: bool
) -> None:
    page = (at := visit(javascript=javascript)).page
    at.expected = {422}
    enters(at, owner)
    saves(at, owner.url)
    at.unfold("#edit")
    template = page.locator("#payload_template")
    assert not template.is_visible()
    page.select_option("#payload_format", "template")
    assert template.is_visible()
    template.fill('{\n  "text": }')
    at.press(SETTINGS)
    assert page.input_value("#payload_template") == '{\n  "text": }'
    assert HEBREW.search(at.text("#payload_template-error"))
    assert "שורה 2, תו 11" in at.text("#payload_template-error")
    assert owner.item()["payload_format"] == "auto"
    template.fill('\n{\n  "טלפון": "{{phone}}"\n}\n')
    assert "+972550000134" in previews(at, "#settings")
    at.press(SETTINGS)
    assert owner.item()["payload_template"] == '{\n  "טלפון": "{{phone}}"\n}'
    at.unfold("#edit")
    page.select_option("#payload_format", "event")
    assert not template.is_visible()
    at.press(SETTINGS)
    assert owner.item()["payload_template"], "a template that is not shown stays"


@WAYS
def test_type_of_a_test_is_chosen_and_previewed(owner: Owner, visit: Callable[..., Visit], javascript: bool) -> None:
    page = (at := visit(javascript=javascript)).page
    enters(at, owner)
    saves(at, owner.url)
    page.select_option("#event_type", "appointment.booked")
    assert "appointment.booked" in previews(at, "#test")
    assert page.input_value("#event_type") == "appointment.booked"
    assert owner.business.received() == []
    at.press(TEST)
    [request] = owner.business.received()
    assert json.loads(request.body)["event_type"] == "appointment.booked"
    assert page.input_value("#event_type") == "appointment.booked"


def test_owner_of_a_workflow_is_told_to_choose_teams_and_to_look_in_the_channel(
    owner: Owner, visit: Callable[..., Visit]
) -> None:
    at = visit()
    enters(at, owner)
    saves(at, "https://prod-1.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=y")
    assert "כרטיס Teams" in at.text("#generic_webhook_url-hints")
    assert "בערוץ" in at.text("#generic_webhook_url-hints")
    saves(at, owner.url)
    at.unfold("#edit")
    at.page.select_option("#payload_format", "teams")
    at.press(SETTINGS)
    owner.business.receiver.judge(owner.business.path, CHATS["teams"].judge)
    at.press(TEST)
    assert "בערוץ" in at.text("#test-result")
    [request] = owner.business.received()
    assert CHATS["teams"].faults(request.body) == []
