"""The page's session: a link is exchanged for a cookie, which allows the page's own requests only."""

import time
from urllib.parse import urlencode

import pytest

from .portal import Owner, Reply

pytestmark = pytest.mark.portal

CROSS_SITE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]
FORMS = ["/settings", "/test", "/pause", "/resume", "/signing-secret/rotate", "/deliveries/resend"]


def attributes(cookie: str) -> dict[str, str]:
    """Give a cookie's attributes by their names in lower case."""
    parts = [part.strip().partition("=") for part in cookie.split(";")[1:]]
    return {name.lower(): value for name, _, value in parts}


def directives(reply: Reply) -> dict[str, list[str]]:
    """Give the content security policy of an answer."""
    parts = [part.split() for part in reply.headers["content-security-policy"].split(";") if part.strip()]
    return {name: sources for name, *sources in parts}


def form(owner: Owner, path: str, fields: dict[str, str], headers: dict[str, str] | None = None) -> Reply:
    """Submit a form of the page as its owner's browser would."""
    # With no-referrer a browser sends `Origin: null` with a form, and Sec-Fetch-Site alone says that the form is the
    # page's.
    origin = {"Sec-Fetch-Site": "same-origin", "Origin": "null"} if headers is None else headers
    cookie = {"Cookie": owner.cookie(), "Content-Type": "application/x-www-form-urlencoded"}
    return owner.portal.send("POST", path, urlencode(fields), headers=cookie | origin)


def test_link_is_exchanged_for_a_cookie_and_its_token_leaves_the_address(owner: Owner) -> None:
    reply = owner.portal.send("GET", f"/?token={owner.token}")
    assert reply.status == 303
    assert reply.headers["location"] == "/"
    [cookie] = reply.cookies
    flags = attributes(cookie)
    assert {"httponly", "secure"} <= flags.keys()
    assert (flags["path"], flags["samesite"]) == ("/", "Lax")
    assert "domain" not in flags
    assert "partitioned" not in flags
    if "max-age" in flags:
        assert 0 < int(flags["max-age"]) <= 3600


def test_cookie_opens_the_page_and_nothing_else_does(owner: Owner) -> None:
    send = owner.portal.send
    page = send("GET", "/", headers={"Cookie": owner.cookie()})
    assert (page.status, page.media_type) == (200, "text/html")
    assert owner.token not in page.text
    assert 'id="settings"' in page.text
    for refused in (send("GET", "/"), send("GET", "/", headers={"Cookie": "a=b"})):
        assert refused.status in (401, 403)
        assert 'id="settings"' not in refused.text


def test_new_link_replaces_an_old_session(owner: Owner, stranger: Owner) -> None:
    stranger.saves("https://a-strangers-address.example/")
    reply = owner.portal.send("GET", f"/?token={stranger.token}", headers={"Cookie": owner.cookie()})
    [cookie] = reply.cookies
    page = owner.portal.send("GET", "/", headers={"Cookie": cookie.partition(";")[0]})
    assert "a-strangers-address" in page.text


def test_session_ends_with_the_link(owner: Owner) -> None:
    token = owner.portal.token(owner.id, seconds=-57)
    reply = owner.portal.send("GET", f"/?token={token}")
    # Within the leeway of clocks the link may still open. Its session does not outlive it by more than that.
    cookies = [cookie.partition(";")[0] for cookie in reply.cookies]
    time.sleep(5)
    assert all(owner.portal.send("GET", "/", headers={"Cookie": cookie}).status in (401, 403) for cookie in cookies)


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
def test_posts_of_other_sites_are_refused(owner: Owner, headers: dict[str, str]) -> None:
    owner.saves("https://stays.example/")
    before = owner.item()
    for path in [*FORMS, f"/deliveries/evt_{'0' * 32}/resend"]:
        fields = {"generic_webhook_url": "https://evil.example/", "confirm": "yes", "status": "failed"}
        assert form(owner, path, fields, headers).status == 403, path
    assert owner.item() == before


def test_posts_of_the_page_itself_are_accepted_although_its_origin_is_null(owner: Owner) -> None:
    reply = form(owner, "/settings", {"generic_webhook_url": "https://saved.example/"})
    assert reply.status in (200, 303)
    assert owner.item()["generic_webhook_url"] == "https://saved.example/"


def test_cookie_from_another_site_changes_nothing_by_the_api(owner: Owner) -> None:
    owner.saves("https://stays.example/")
    headers = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    reply = owner.portal.send("PUT", "/api/settings", {"generic_webhook_url": None}, headers=headers)
    assert reply.status in (401, 403)
    assert owner.item()["generic_webhook_url"] == "https://stays.example/"


def test_get_of_a_forms_address_changes_nothing(owner: Owner) -> None:
    cookie = owner.cookie()
    for path in FORMS:
        reply = owner.portal.send("GET", f"{path}?confirm=yes&status=failed", headers={"Cookie": cookie})
        # An owner may reload the address of a form after the session has ended, and is led back to the page.
        assert reply.status == 405 or (reply.status, reply.headers["location"]) == (303, "/"), path
    assert owner.item() == {}
