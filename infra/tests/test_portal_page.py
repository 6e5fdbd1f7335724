"""The owner's page in a real browser, from a link alone: on a phone and a desktop, with and without JavaScript."""

import re
from collections.abc import Callable

import pytest

from infra.fakes.receiver import Answer
from infra.local.processes import until
from infra.local.signatures import standard_is_right

from .browsing import Size, Visit
from .portal import Owner
from .waits import SECONDS

pytestmark = pytest.mark.portal

HEBREW = re.compile("[א-ת]{2,}")
NOT_REGISTERED = b'{"code":404,"message":"The requested webhook \\"calls\\" is not registered."}'
SETTINGS, TEST = 'form[action="/settings"]', '#test form[action^="/test"]'


def enters(visit: Visit, owner: Owner) -> None:
    """Open the owner's link."""
    visit.page.goto(owner.portal.link(owner.id))
    assert visit.page.url == f"{owner.portal.url}/", "the token is not in the address"


def saves(visit: Visit, url: str) -> None:
    """Type a URL and save it."""
    visit.unfold("#edit")
    visit.page.fill("#generic_webhook_url", url)
    visit.press(SETTINGS)


def shows(visit: Visit, row: str) -> None:
    """Reload the page until its log has a row."""

    def there() -> bool:
        visit.page.goto(re.sub(r"[?#].*", "", visit.page.url))
        return visit.page.locator(row).count() > 0

    until(there, SECONDS, f"{row} on the page", every=0.3)


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
@pytest.mark.parametrize("size", Size)
def test_story_of_a_url_that_is_saved_tested_broken_explained_fixed_and_served_again(
    owner: Owner, visit: Callable[..., Visit], size: Size, javascript: bool
) -> None:
    business, page = owner.business, (at := visit(size, javascript=javascript)).page
    enters(at, owner)
    assert "כתובת Webhook כללית לקבלת תמלילים" in at.text("#settings")
    assert "המערכת תשלח לכאן תמלילי שיחות, סיכומים ונתוני ליד בסיום כל שיחה" in at.text("#settings")

    saves(at, owner.url)
    assert page.input_value("#generic_webhook_url") == owner.url
    assert owner.item()["generic_webhook_url"] == owner.url
    at.press(TEST)
    assert page.get_attribute("#test-result", "data-arrived") == "true"
    assert [request.headers["x-prosaas-event"] for request in business.received()] == ["webhook.test"]

    call = business.publish()
    delivered = '#deliveries [data-status="delivered"]'
    page.goto(owner.portal.url)
    shows(at, delivered)
    assert call["summary"][:30] in at.text(delivered)

    broken = business.new_path()
    business.receiver.script(broken, Answer(404, NOT_REGISTERED))
    saves(at, business.receiver.url + broken)
    at.press(TEST)
    assert page.get_attribute("#test-result", "data-arrived") == "false"
    assert "404" in at.text("#test-result")
    assert HEBREW.search(at.text("#test-result"))

    business.publish()
    page.goto(owner.portal.url)
    failed = '#deliveries [data-status="failed"]'
    shows(at, failed)
    assert "(404)" in at.text(failed)
    assert HEBREW.search(at.text(f"{failed} .why"))
    at.picture(f"page-{size.name.lower()}")
    page.click(f"{failed} a")
    page.wait_for_url("**/deliveries/evt_*")
    assert page.get_attribute("#delivery", "data-status") == "failed"
    assert "404" in at.text("#attempts")
    assert "is not registered" in page.text_content("#attempts")
    assert "לקבוע תור" in page.text_content("#body")
    at.picture(f"delivery-{size.name.lower()}")

    page.goto(owner.portal.url)
    saves(at, owner.url)
    page.click(f"{failed} a")
    at.press('#delivery form[action$="/resend"]')
    shows(at, '#delivery[data-status="delivered"]')
    page.goto(owner.portal.url)
    assert page.locator(failed).count() == 0
    assert page.locator(delivered).count() == 2


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_refused_input_has_its_reason_beside_the_field_and_stays_as_typed(
    owner: Owner, visit: Callable[..., Visit], javascript: bool
) -> None:
    at = visit(javascript=javascript)
    at.expected = {422}
    enters(at, owner)
    saves(at, "https://stays.example/")
    typed = 'https://user:word@receiver.example/?a="><b>'
    at.unfold("#edit")
    at.page.fill("#generic_webhook_url", typed)
    at.page.locator("#static-header summary").click()
    at.page.fill("#static_header_name", "X-Key")
    at.page.fill("#static_header_value", "a-value")
    at.press(SETTINGS)
    assert at.page.input_value("#generic_webhook_url") == typed
    assert at.page.input_value("#static_header_name") == "X-Key"
    error = at.page.locator("#generic_webhook_url-error")
    assert HEBREW.search(error.inner_text())
    field = at.page.locator("#generic_webhook_url")
    assert field.get_attribute("aria-invalid") == "true"
    assert "generic_webhook_url-error" in (field.get_attribute("aria-describedby") or "")
    assert owner.item()["generic_webhook_url"] == "https://stays.example/"
    assert HEBREW.search(at.text("#static_header_value-error")), "the value is not shown again, so the field is empty"
    at.page.fill("#static_header_value", "a-value")
    saves(at, "https://fixed.example/")
    assert at.page.locator("#generic_webhook_url-error").count() == 0
    item = owner.item()
    assert (item["generic_webhook_url"], item["static_header_value"]) == ("https://fixed.example/", "a-value")


def test_value_of_a_header_is_stored_and_never_shown_again(owner: Owner, visit: Callable[..., Visit]) -> None:
    at = visit()
    enters(at, owner)
    at.page.locator("#static-header summary").click()
    at.page.fill("#static_header_name", "X-Key")
    at.page.fill("#static_header_value", "never-shown-again")
    at.press(SETTINGS)
    assert "never-shown-again" not in at.page.content()
    assert at.page.input_value("#static_header_name") == "X-Key"
    saves(at, owner.url)
    assert owner.item()["static_header_value"] == "never-shown-again"


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_secret_is_shown_copied_and_rotated_after_a_confirmation(
    owner: Owner, visit: Callable[..., Visit], javascript: bool
) -> None:
    at = visit(javascript=javascript)
    enters(at, owner)
    saves(at, owner.url)
    secret = owner.item()["signing_secret"]
    owner.business.confidential.add(secret)
    assert secret not in at.page.content()
    at.unfold("#secret")
    at.page.click('#signing-secret a[href*="secret=shown"]')
    at.page.wait_for_selector("#secret-value")
    assert at.text("#secret-value") == secret
    copy = at.page.locator("button[data-copy=secret-value]")
    if javascript:
        at.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=owner.portal.url)
        copy.click()
        until(lambda: at.page.evaluate("navigator.clipboard.readText()") == secret, SECONDS, "the secret, copied")
    else:
        assert not copy.is_visible()
    rotate = at.page.locator('form[action="/signing-secret/rotate"] button')
    assert not rotate.is_visible(), "the rotation takes two steps"
    at.page.locator("#rotate summary").click()
    at.press('form[action="/signing-secret/rotate"]')
    item = owner.item()
    assert item["signing_secret"] != secret
    assert item["previous_signing_secret"] == secret
    assert at.page.locator("#previous-secret").is_visible()
    owner.business.publish()
    [request] = owner.business.receives()
    assert standard_is_right(request.body, request.headers, item["signing_secret"])


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_endpoint_is_paused_and_resumed_and_held_events_are_sent(
    owner: Owner, visit: Callable[..., Visit], javascript: bool
) -> None:
    at = visit(Size.PHONE, javascript=javascript)
    enters(at, owner)
    saves(at, owner.url)
    at.unfold("#edit")
    at.press('form[action="/pause"]')
    assert at.page.get_attribute("#status", "data-state") == "paused"
    owner.business.publish()
    shows(at, '#deliveries [data-status="held"]')
    assert at.page.locator("#waiting").is_visible()
    assert owner.business.received() == []
    at.press('form[action="/resume"]')
    assert at.page.get_attribute("#status", "data-state") == "active"
    owner.business.receives()
    shows(at, '#deliveries [data-status="delivered"]')


def test_page_works_by_the_keyboard_alone(owner: Owner, visit: Callable[..., Visit]) -> None:
    at = visit()
    enters(at, owner)
    at.page.keyboard.press("Tab")
    assert at.page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    for _ in range(12):
        at.page.keyboard.press("Tab")
        if at.page.evaluate("document.activeElement.id") == "generic_webhook_url":
            break
    at.page.keyboard.type(owner.url)
    with at.page.expect_navigation():
        at.page.keyboard.press("Enter")
    assert owner.item()["generic_webhook_url"] == owner.url


def test_page_without_a_session_explains_in_hebrew_how_to_get_one(owner: Owner, visit: Callable[..., Visit]) -> None:
    at = visit(Size.PHONE)
    at.expected = {401}
    for address in ("/", "/?token=a.b.c", f"/?token={owner.portal.token(owner.id, -600)}"):
        at.page.goto(owner.portal.url + address)
        assert HEBREW.search(at.text("main"))
        assert at.page.locator("#settings").count() == 0
