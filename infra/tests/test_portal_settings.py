"""The settings by the API: they are saved, cleared, or refused with a reason beside the field."""

import base64
import time
from urllib.parse import urlencode

import pytest

from infra.local.signatures import standard_is_right

from .portal import Owner, Reply

pytestmark = pytest.mark.portal

REFUSED_URLS = {
    "user info": "https://user:word@receiver.example/",
    "a user alone": "https://user@receiver.example/",
    "a line end": "https://receiver.example/a\nb",
    "a tab": "https://receiver.example/a\tb",
    "U+0000": "https://receiver.example/\0b",
    "U+0085": "https://receiver.example/\x85b",
    "2,049 characters": "https://receiver.example/".ljust(2049, "x"),
    "no URL": "receiver",
    "no host": "https://",
    "no scheme": "//receiver.example/",
    "another scheme": "ftp://receiver.example/",
    "a script": "javascript:alert(1)",
    "a file": "file:///etc/passwd",
    "a port that is none": "https://receiver.example:99999/",
    "half an address": "https://[::1/",
}
REFUSED_NAMES = [
    "Host",
    "content-type",
    "Content-Length",
    "Content-Encoding",
    "Connection",
    "Keep-Alive",
    "Transfer-Encoding",
    "TE",
    "Trailer",
    "Upgrade",
    "Proxy-Authorization",
    "User-Agent",
    "X-ProSaaS-Signature",
    "x-prosaas-anything",
    "webhook-id",
    "Webhook-Signature",
    "webhook-anything",
    "",
    "two words",
    "X-Key:",
    "X-Key\r\nX-Other",
    "מפתח",
    "X(Key)",
    "X-".ljust(129, "x"),
]
REFUSED_VALUES = ["x" * 4097, "", "a\r\nX-Other: b", "a\nb", "a\0b", "\x7f", "ערך", "é", "a\tb\x01"]


REFUSED_ADDRESSES = [
    "",
    "  ",
    "owner",
    "@example.com",
    "owner@",
    "owner@example",
    "one@two@example.com",
    "two words@example.com",
    "owner@exam ple.com",
    "one@example.com,two@example.com",
    "one@example.com;two@example.com",
    "Owner <owner@example.com>",
    "<owner@example.com>",
    "owner@example.com\r\nBcc: other@example.com",
    "owner\0@example.com",
    "owner@example.com\x7f",
    "mailto:owner@example.com",
    "בעלים@example.com",
    "o" * 243 + "@example.com",
]


def test_new_business_has_no_settings_and_an_active_endpoint(owner: Owner) -> None:
    reply = owner.get("/api/settings")
    assert (reply.status, reply.media_type) == (200, "application/json")
    settings = reply.json
    expected = {"generic_webhook_url": None, "static_header": None, "status": "active", "paused_reason": None}
    assert settings.items() >= (expected | {"held": 0, "warnings": [], "notify_email": None}).items()
    assert owner.get("/api/signing-secret").json["signing_secret"] is None
    assert owner.item() == {}, "reading writes nothing"


@pytest.mark.parametrize("url", ["https://receiver.example/hook?token=a%20b&x=%D7%A9", "https://8.8.8.8:8443/a;b"])
def test_url_is_stored_as_it_was_typed(owner: Owner, url: str) -> None:
    saved = owner.saves(url)
    assert saved.status == 200
    assert saved.json["generic_webhook_url"] == url
    assert owner.get("/api/settings").json["generic_webhook_url"] == url
    assert owner.item()["generic_webhook_url"] == url


@pytest.mark.parametrize("empty", ["", None, "  "])
def test_empty_url_clears_the_url_and_nothing_is_sent(owner: Owner, empty: str | None) -> None:
    owner.saves(owner.url)
    assert owner.saves(empty).json["generic_webhook_url"] is None
    assert owner.get("/api/settings").json["generic_webhook_url"] is None
    owner.business.publish()
    owner.business.logs(message="not_configured")
    assert owner.business.received() == []


@pytest.mark.parametrize("name", REFUSED_URLS)
def test_invalid_url_is_refused_beside_its_field_and_the_old_url_stays(owner: Owner, name: str) -> None:
    owner.saves("https://stays.example/")
    reply = owner.saves(REFUSED_URLS[name], static_header={"name": "X-Key", "value": "not-kept"})
    [error] = reply.problem(422)["errors"]
    assert error["pointer"] == "/generic_webhook_url"
    assert error["code"]
    assert error["detail"]
    item = owner.item()
    assert item["generic_webhook_url"] == "https://stays.example/"
    assert "static_header_name" not in item, "a refused change changes no field"


@pytest.mark.parametrize("name", REFUSED_NAMES)
def test_reserved_or_invalid_header_is_refused(owner: Owner, name: str) -> None:
    [error] = owner.saves(None, static_header={"name": name, "value": "a-value"}).problem(422)["errors"]
    assert error["pointer"] == "/static_header/name"
    assert "static_header_name" not in owner.item()


@pytest.mark.parametrize("value", REFUSED_VALUES)
def test_headers_value_is_visible_ascii(owner: Owner, value: str) -> None:
    [error] = owner.saves(None, static_header={"name": "X-Key", "value": value}).problem(422)["errors"]
    assert error["pointer"] == "/static_header/value"
    assert "static_header_value" not in owner.item()


def test_both_fields_are_refused_at_once(owner: Owner) -> None:
    errors = owner.saves("no-url", static_header={"name": "Host", "value": "x"}).problem(422)["errors"]
    assert {error["pointer"] for error in errors} == {"/generic_webhook_url", "/static_header/name"}


def test_header_is_sent_masked_kept_and_cleared(owner: Owner) -> None:
    value = f"Bearer {time.time_ns()}"
    owner.business.confidential.add(value)
    shown = owner.saves(owner.url, static_header={"name": "Authorization", "value": value}).json["static_header"]
    assert shown["name"] == "Authorization"
    assert value not in str(shown)
    assert value not in owner.get("/api/settings").text
    for kept in ({}, {"static_header": shown}):
        owner.saves(owner.url, **kept)
        assert owner.item()["static_header_value"] == value
    owner.business.publish()
    [request] = owner.business.receives()
    assert request.headers["authorization"] == value
    assert owner.saves(owner.url, static_header=None).json["static_header"] is None
    assert owner.item().keys().isdisjoint({"static_header_name", "static_header_value"})


def test_absent_member_of_the_settings_stays(owner: Owner) -> None:
    owner.saves(owner.url, static_header={"name": "X-Key", "value": "one-value"})
    owner.post("/api/pause")
    for change in ({}, {"static_header": {"name": "X-Key", "value": "another-value"}}):
        reply = owner.put("/api/settings", change)
        assert reply.status == 200, reply.body
        assert reply.json["generic_webhook_url"] == owner.url
    assert owner.item()["static_header_value"] == "another-value"
    assert owner.put("/api/settings", {"generic_webhook_url": None}).json["static_header"]["name"] == "X-Key"


@pytest.mark.parametrize(
    "pasted", ["owner@example.com", "\u200fowner@example.com\u202c\xa0\n", "own\u200ber@example.com"]
)
def test_address_for_mails_is_stored_without_what_cannot_be_seen(owner: Owner, pasted: str) -> None:
    saved = owner.put("/api/settings", {"notify_email": pasted})
    assert saved.status == 200, saved.body
    assert saved.json["notify_email"] == "owner@example.com"
    assert owner.item()["notify_email"] == "owner@example.com"
    owner.saves(owner.url)
    assert owner.get("/api/settings").json["notify_email"] == "owner@example.com", "an absent member stays"
    assert owner.put("/api/settings", {"notify_email": None}).json["notify_email"] is None
    assert "notify_email" not in owner.item()
    assert owner.get("/api/settings").json["generic_webhook_url"] == owner.url


@pytest.mark.parametrize("address", REFUSED_ADDRESSES)
def test_text_that_is_not_one_address_is_refused_and_the_old_address_stays(owner: Owner, address: str) -> None:
    owner.saves("https://stays.example/", notify_email="stays@example.com")
    [error] = owner.saves("https://another.example/", notify_email=address).problem(422)["errors"]
    assert error["pointer"] == "/notify_email"
    assert error["code"] in ("address", "too_long")
    assert owner.item()["notify_email"] == "stays@example.com"
    assert owner.item()["generic_webhook_url"] == "https://stays.example/"


def submits(owner: Owner, **fields: str) -> Reply:
    """Send the form of the page with the owner's URL and these fields."""
    headers = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "same-origin"}
    headers |= {"Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"generic_webhook_url": owner.url} | fields)
    return owner.portal.send("POST", "/settings", form, headers=headers)


def test_form_of_the_page_stores_refuses_and_clears_the_address_for_mails(owner: Owner) -> None:
    def saves(address: str | None) -> Reply:
        return submits(owner, **({} if address is None else {"notify_email": address}))

    assert saves("owner@example.com\u200f ").status == 303
    assert owner.item()["notify_email"] == "owner@example.com"
    refused = saves("one@example.com, two@example.com")
    assert refused.status == 422
    assert 'value="one@example.com, two@example.com"' in refused.text
    assert 'id="notify_email-error"' in refused.text
    # A page that was opened before there was the field.
    assert saves(None).status == 303
    assert owner.item()["notify_email"] == "owner@example.com"
    assert saves(" ").status == 303
    assert "notify_email" not in owner.item()


def test_longest_header_is_sent(owner: Owner) -> None:
    name, value = "X-".ljust(128, "n"), "v" * 4096
    assert owner.saves(owner.url, static_header={"name": name, "value": value}).status == 200
    assert owner.post("/api/test").json["delivered"]
    [request] = owner.business.received()
    assert request.headers[name.lower()] == value


def test_days_of_retention_are_stored_shown_kept_and_removed(owner: Owner) -> None:
    assert owner.get("/api/settings").json["retention_days"] is None
    assert owner.put("/api/settings", {"retention_days": 7}).json["retention_days"] == 7
    assert owner.item()["retention_days"] == 7
    assert owner.saves(None).json["retention_days"] == 7, "an absent member stays"
    assert owner.put("/api/settings", {"retention_days": 30}).json["retention_days"] == 30, "as many as the stack"
    assert owner.put("/api/settings", {"retention_days": None}).json["retention_days"] is None
    assert "retention_days" not in owner.item()


def test_days_that_the_stack_does_not_keep_are_refused_and_the_old_number_stays(owner: Owner) -> None:
    owner.put("/api/settings", {"retention_days": 7})
    for days in (0, -1, 31, 10**12):
        reply = owner.put("/api/settings", {"generic_webhook_url": "https://another.example/", "retention_days": days})
        [error] = reply.problem(422)["errors"]
        assert (error["pointer"], error["code"]) == ("/retention_days", "range")
        assert "1 to 30 days" in error["detail"]
    for odd in ("7", 7.5, True, [7], {}):
        owner.put("/api/settings", {"retention_days": odd}).problem(422)
    item = owner.item()
    assert item["retention_days"] == 7
    assert "generic_webhook_url" not in item


def test_number_of_another_system_that_does_not_count_is_not_shown(owner: Owner) -> None:
    for odd in (31, 0, "7", None, [7]):
        owner.business.answers(200, retention_days=odd)
        assert owner.get("/api/settings").json["retention_days"] is None
        page = owner.portal.send("GET", "/", headers={"Cookie": owner.cookie()})
        assert 'name="retention_days" inputmode="numeric"' in page.text


def test_days_of_retention_are_set_by_the_form_and_refused_with_the_reason(owner: Owner) -> None:
    def saved(days: str) -> Reply:
        return submits(owner, retention_days=days)

    assert saved("\u200f 7 ").status == 303
    assert owner.item()["retention_days"] == 7
    refused = saved("31 <days>")
    assert refused.status == 422
    assert 'id="retention_days-error"' in refused.text
    assert 'value="31 &#60;days&#62;"' in refused.text
    assert owner.item()["retention_days"] == 7
    assert saved("").status == 303
    assert "retention_days" not in owner.item()


def test_mask_keeps_no_value_for_another_header_name(owner: Owner) -> None:
    mask = owner.saves(None, static_header={"name": "X-Key", "value": "one-value"}).json["static_header"]["value"]
    owner.saves(None, static_header={"name": "X-Other", "value": mask}).problem(422)


@pytest.mark.parametrize(
    "body",
    [
        {"generic_webhook_url": None, "more": 1},
        {"generic_webhook_url": 1},
        {"generic_webhook_url": ["https://receiver.example/"]},
        {"generic_webhook_url": None, "static_header": {"name": "X-Key"}},
        {"generic_webhook_url": None, "static_header": {"name": "X-Key", "value": "x", "more": 1}},
        {"generic_webhook_url": None, "static_header": "X-Key: x"},
        {"notify_email": 1},
        {"notify_email": ["owner@example.com"]},
        {"generic_webhook_url": None, "static_header": ["X-Key", "x"]},
        [],
        [None, None],
        "text",
        "{",
        b"\xff",
        "",
    ],
    ids=str,
)
def test_invalid_settings_are_a_problem(owner: Owner, body: object) -> None:
    reply = owner.portal.send(
        "PUT", "/api/settings", body, token=owner.token, headers={"Content-Type": "application/json"}
    )
    assert reply.status in (400, 422)
    reply.problem(reply.status)
    assert owner.item() == {}


def test_body_of_another_media_type_is_refused(owner: Owner) -> None:
    body, headers = '{"generic_webhook_url":null}', {"Content-Type": "text/plain"}
    owner.portal.send("PUT", "/api/settings", body, token=owner.token, headers=headers).problem(415)


@pytest.mark.parametrize(
    ("url", "warning"),
    [
        ("https://n8n.example/webhook-test/x", "n8n_test_url"),
        ("http://receiver.example/", "http"),
    ],
)
def test_suspicious_url_is_saved_with_a_warning(owner: Owner, url: str, warning: str) -> None:
    assert warning in owner.saves(url).json["warnings"]
    assert warning in owner.get("/api/settings").json["warnings"]


def test_change_without_a_url_answers_with_the_warnings_of_the_stored_url(owner: Owner) -> None:
    owner.saves("https://api.telegram.org/bot1:x/sendMessage")
    for change in ({}, {"static_header": {"name": "X-Key", "value": "a-value"}}, {"static_header": None}):
        assert owner.put("/api/settings", change).json["warnings"] == ["telegram"]
    assert owner.get("/api/settings").json["warnings"] == ["telegram"]
    assert owner.saves(None).json["warnings"] == []


def test_secret_is_made_once_with_the_first_settings(owner: Owner) -> None:
    owner.saves("https://receiver.example/")
    shown = owner.get("/api/signing-secret").json
    secret = shown["signing_secret"]
    owner.business.confidential.add(secret, shown["text"])
    assert secret == owner.item()["signing_secret"]
    assert base64.b64decode(secret.removeprefix("whsec_")).decode() == shown["text"]
    assert len(shown["text"]) == 32
    assert shown["text"].isalnum()
    owner.saves("https://another.example/")
    assert owner.get("/api/signing-secret").json["signing_secret"] == secret


def test_rotated_secret_stays_valid_for_a_day(owner: Owner) -> None:
    owner.saves(owner.url)
    old = owner.get("/api/signing-secret").json["signing_secret"]
    reply = owner.post("/api/signing-secret/rotate")
    assert reply.status == 200
    new = reply.json["signing_secret"]
    owner.business.confidential.add(old, new)
    assert new != old
    item = owner.item()
    assert (item["signing_secret"], item["previous_signing_secret"]) == (new, old)
    assert abs(int(item["previous_signing_secret_expires_at"]) - time.time() - 24 * 3600) < 60
    owner.business.publish()
    [request] = owner.business.receives()
    signatures = request.headers["webhook-signature"].split()
    assert len(signatures) == 2
    for secret, signature in zip([new, old], signatures, strict=True):
        assert standard_is_right(request.body, request.headers | {"webhook-signature": signature}, secret)
