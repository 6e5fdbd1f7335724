"""URLs and headers that owners paste or other systems write: invisible marks are removed, errors refused or warned of.

The marks are those that messengers, contacts and word processors insert.
"""

from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest

from infra.local.processes import until

from .browsing import Size, Visit
from .portal import Owner
from .test_guard import guarded
from .test_portal_page import HEBREW, SETTINGS, enters, saves
from .test_portal_recovery import writes_directly
from .test_portal_sending import event_ids
from .waits import SECONDS

pytestmark = pytest.mark.portal

INVISIBLE = {
    "right-to-left mark": "\u200f",
    "left-to-right mark": "\u200e",
    "Arabic letter mark": "\u061c",
    "embedding": "\u202a",
    "pop": "\u202c",
    "isolate": "\u2066",
    "pop isolate": "\u2069",
    "zero-width space": "\u200b",
    "joiner": "\u200d",
    "non-joiner": "\u200c",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "no-break space": "\u00a0",
    "narrow no-break space": "\u202f",
}
OUTER = ["\n", "\t", "\r\n", " ", "\u00a0", "\u2003", "\u3000", "\u2028"]

REFUSED = {
    "a tool's page": ("https://n8n.example/#!/view/abc", "fragment"),
    "a place in a page": ("https://n8n.example/hook#top", "fragment"),
    "a backslash": ("https://n8n.example\\hook", "backslash"),
    "a backslash in the path": ("https://n8n.example/a\\b", "backslash"),
    "pasted twice": ("https://n8n.example/hookhttps://n8n.example/hook", "two_urls"),
    "pasted twice behind a slash": ("https://n8n.example/hook/https://n8n.example/hook/", "two_urls"),
    "pasted twice behind a query": ("https://n8n.example/h?code=ab==https://n8n.example/h?code=ab==", "two_urls"),
    "two with a space": ("https://n8n.example/a https://n8n.example/b", "two_urls"),
    "two lines": ("https://n8n.example/a\nhttps://n8n.example/b", "two_urls"),
    "two with a comma": ("https://n8n.example/a,HTTPS://n8n.example/b", "two_urls"),
    "words in front": ("הכתובת: https://n8n.example/hook", "words"),
    "a word stuck to it": ("URL:https://n8n.example/hook", "words"),
    "words behind": ("https://n8n.example/hook זו הכתובת", "words"),
    "a method": ("POST https://n8n.example/hook", "words"),
    "quotes": ('"https://n8n.example/hook"', "words"),
    "a quote behind": ('https://n8n.example/hook"', "words"),
    "angle brackets": ("<https://n8n.example/hook>", "words"),
    "a template": ("https://n8n.example/{{webhookId}}", "placeholder"),
    "a template, encoded": ("https://n8n.example/%7B%7BwebhookId%7d%7d", "placeholder"),
    "one brace": ("https://n8n.example/{id}", "placeholder"),
    "a token to fill in": ("https://n8n.example/<TOKEN>", "placeholder"),
    "a token to fill in, encoded": ("https://n8n.example/%3CYOUR_TOKEN%3E/x", "placeholder"),
    "user info": ("https://user:word@n8n.example/", "user_info"),
}

MISTYPED = ["pasted twice", "two with a space", "words behind", "a quote behind", "a template", "a token to fill in"]
"""The names of the mistyped URLs that can still be read as one URL."""

SPECIAL = [
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "n8n.local",
    "N8N.Local.",
    "n8n.internal",
    "nas.home.arpa",
    "x.onion",
    "x.invalid",
    "x.test",
    "test",
    "x.ｌｏｃａｌ",
]

HINTS = {
    "https://api.telegram.org/bot1:x/sendMessage?chat_id=2": "telegram",
    "https://firm.webhook.office.com/webhookb2/x/IncomingWebhook/y/z": "teams",
    "https://outlook.office.com/webhook/x/IncomingWebhook/y": "teams",
    "https://prod-1.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?sig=y": "power_automate",
    "https://x.1.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/y": "power_automate",
    "https://n8n.example/webhook-test/x": "n8n_test_url",
    "https://firm.app.n8n.cloud/workflow/AbC": "tool_page",
    "https://zapier.com/editor/1/draft/2": "tool_page",
    "https://eu1.make.com/12/scenarios/34/edit": "tool_page",
    "https://docs.google.com/spreadsheets/d/x/edit": "tool_page",
    "https://script.google.com/home/projects/x/edit": "tool_page",
    "https://firm.monday.com/boards/12": "tool_page",
    "https://airtable.com/appAbC/tblDeF": "tool_page",
}

TAKES_EVENTS = [
    "https://hooks.slack.com/services/T/B/x",
    "https://hooks.slack-gov.com/services/T/B/x",
    "https://hooks.slack.com/triggers/T/1/x",
    "https://hooks.slack.com/workflows/T/A/1/x",
    "https://discord.com/api/webhooks/1/x",
    "https://canary.discord.com/api/v10/webhooks/1/x",
    "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t",
    "https://n8n.example/webhook/x",
    "https://firm.app.n8n.cloud/webhook/AbC",
    "https://hooks.zapier.com/hooks/catch/1/abc/",
    "https://hook.eu1.make.com/abc",
    "https://script.google.com/macros/s/x/exec",
    "https://hooks.airtable.com/workflows/v1/genericWebhook/app/wfl/wtr",
    "https://proxy.example/in?to=https://n8n.example/hook",
    "https://notdiscord.com/api/webhooks/1/x",
]


def marked(text: str) -> str:
    """Give a text with every invisible mark before, within and after it, and white space around."""
    marks = "".join(INVISIBLE.values())
    return "\n\t " + marks + text[:12] + marks + text[12:] + marks + " \u00a0\r\n"


@pytest.mark.parametrize("name", INVISIBLE)
def test_invisible_mark_is_removed_from_a_url_and_the_endpoint_is_reached(owner: Owner, name: str) -> None:
    mark = INVISIBLE[name]
    for url in (owner.url + mark, mark + owner.url, owner.url[:-3] + mark + owner.url[-3:]):
        saved = owner.saves(url)
        assert saved.status == 200, saved.body
        assert saved.json["generic_webhook_url"] == owner.item()["generic_webhook_url"] == owner.url
    assert owner.post("/api/test").json["delivered"]
    assert len(owner.business.received()) == 1


def test_white_space_around_a_url_or_a_header_is_removed(owner: Owner) -> None:
    for space in OUTER:
        saved = owner.saves(space + owner.url + space, static_header={"name": f"X-Key{space}", "value": f"{space}v"})
        assert saved.status == 200, saved.body
        item = owner.item()
        assert item["generic_webhook_url"] == owner.url
        assert (item["static_header_name"], item["static_header_value"]) == ("X-Key", "v")


def test_invisible_characters_are_removed_from_a_header(owner: Owner) -> None:
    header = {"name": marked("X-A-Key-Of-Mine"), "value": marked("Bearer abcdefghijk")}
    owner.business.confidential.add("Bearer abcdefghijk")
    assert owner.saves(owner.url, static_header=header).json["static_header"]["name"] == "X-A-Key-Of-Mine"
    owner.post("/api/test")
    [request] = owner.business.received()
    assert request.headers["x-a-key-of-mine"] == "Bearer abcdefghijk"


def test_url_of_invisible_marks_only_is_no_url(owner: Owner) -> None:
    assert owner.saves("\u200f \u00a0\n").json["generic_webhook_url"] is None
    assert owner.saves(None, static_header={"name": "X-Key", "value": "\u200f"}).problem(422)


def test_url_and_header_of_the_dashboard_are_cleaned_when_they_are_read(owner: Owner) -> None:
    business = owner.business
    writes_directly(
        owner,
        generic_webhook_url=marked(owner.url),
        static_header_name=marked("X-A-Key-Of-Mine"),
        static_header_value=marked("a value of mine"),
        signing_secret=business.settings.signing_secret,
    )
    event_ids(business, 1, "delivered")
    [request] = business.receives()
    assert request.headers["x-a-key-of-mine"] == "a value of mine"
    settings = owner.get("/api/settings").json
    assert settings["generic_webhook_url"] == owner.url
    assert settings["static_header"]["name"] == "X-A-Key-Of-Mine"
    assert owner.post("/api/test").json["delivered"]


def test_url_without_its_invisible_marks_is_the_same_endpoint(owner: Owner) -> None:
    owner.saves(owner.url)
    owner.post("/api/pause")
    writes_directly(owner, generic_webhook_url=f"\u200f{owner.url}\n")
    assert owner.get("/api/settings").json["status"] == "paused"
    assert event_ids(owner.business, 1, "held")
    assert owner.saves(owner.url).json["status"] == "paused"


@pytest.mark.parametrize("name", REFUSED)
def test_url_that_is_no_webhook_is_refused_with_its_own_reason(owner: Owner, name: str) -> None:
    url, code = REFUSED[name]
    owner.saves("https://stays.example/")
    [error] = owner.saves(url).problem(422)["errors"]
    assert (error["pointer"], error["code"]) == ("/generic_webhook_url", code)
    assert owner.item()["generic_webhook_url"] == "https://stays.example/"


def test_empty_fragment_is_dropped(owner: Owner) -> None:
    assert owner.saves(f"{owner.url}#").json["generic_webhook_url"] == owner.url


def test_url_that_another_system_wrote_is_refused_by_the_guard(owner: Owner) -> None:
    writes_directly(owner, generic_webhook_url=f"{owner.url}#!/view")
    owner.business.publish()
    owner.business.logs(cause="blocked")
    assert owner.business.received() == []


@pytest.mark.parametrize("name", MISTYPED)
def test_url_that_another_system_wrote_is_kept_with_a_warning_although_it_may_not_be_typed(
    owner: Owner, name: str
) -> None:
    url, code = REFUSED[name]
    writes_directly(owner, generic_webhook_url=f"{url}#")
    assert owner.get("/api/settings").json["warnings"] == ["mistyped"]
    header = {"name": "X-Key", "value": "a-value"}
    for saved in (owner.saves(f"\u200f{url}#", static_header=header), owner.put("/api/settings", {})):
        assert saved.status == 200, saved.body
        assert saved.json["warnings"] == ["mistyped"]
        assert owner.item().items() >= {"generic_webhook_url": url, "static_header_name": "X-Key"}.items()
    session = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "same-origin"}
    form = urlencode({"generic_webhook_url": url, "static_header_name": "X-Other", "static_header_value": "a-value"})
    headers = session | {"Content-Type": "application/x-www-form-urlencoded"}
    assert owner.portal.send("POST", "/settings", form, headers=headers).status == 303
    assert owner.item().items() >= {"generic_webhook_url": url, "static_header_name": "X-Other"}.items()
    assert 'id="generic_webhook_url-hints"' in owner.portal.send("GET", "/", headers=session).text
    [error] = owner.saves(url.replace("n8n.", "nas.")).problem(422)["errors"]
    assert error["code"] == code, "a URL that differs from the stored one counts as typed"


def test_special_use_names_are_refused_by_default(owner: Owner) -> None:
    with guarded(owner.business.stack, "PortalFunctionName"):
        for host in SPECIAL:
            [error] = owner.saves(f"https://{host}/hook").problem(422)["errors"]
            assert error["code"] == "special_name", host
        assert owner.saves("https://localhost.example/").status == 200


@pytest.mark.parametrize("url", HINTS)
def test_url_that_probably_takes_no_event_is_saved_with_a_warning(owner: Owner, url: str) -> None:
    assert owner.saves(url).json["warnings"] == [HINTS[url]]
    assert owner.get("/api/settings").json["warnings"] == [HINTS[url]]


@pytest.mark.parametrize("url", TAKES_EVENTS)
def test_url_that_takes_events_is_saved_without_a_warning(owner: Owner, url: str) -> None:
    assert owner.saves(url).json["warnings"] == []


@pytest.mark.parametrize(
    "written",
    [
        "054-123-4567",
        "0541234567",
        "+972541234567",
        "\u202a+972 54-123-4567\u202c",
        "00972-54-123-4567",
        "972.54.123.4567",
        "+972 (0)54\u2013123\u20134567",
        "054\u05be123\u05be4567",
        "[054] 123/4567",
        "054\u00a0123\u202f4567",
        "\u2068054\u2011123\u20114567\u2069\n",
        "tel:+972-54-123-4567",
        "４５６７",
        "٤٥٦٧",
    ],
)
def test_delivery_is_found_by_its_phone_number_in_any_notation(owner: Owner, written: str) -> None:
    business = owner.business
    owner.saves(owner.url)
    owner.post("/api/pause")
    # A summary has hexadecimal digits by chance, and the search looks into it too: the ids are none.
    call = business.publish(business.call(phone="+972541234567", call_id="north"))
    business.publish(business.call(phone="+972541230000", call_id="south"))
    until(lambda: len(business.held()) == 2, SECONDS, "two calls")
    for query in (quote(written), quote(f"\u200f{call['call_id']}\u200e ")):
        found = owner.get(f"/api/deliveries?search={query}").json["deliveries"]
        assert [entry["subject"] for entry in found] == ["north"]
        page = owner.portal.send("GET", f"/?search={query}", headers={"Cookie": owner.cookie()}).text
        assert page.count('data-status="held"') == 1


@pytest.mark.parametrize("size", Size)
def test_page_shows_refusals_and_warnings_of_urls(owner: Owner, visit: Callable[..., Visit], size: Size) -> None:
    at = visit(size)
    at.expected = {422}
    enters(at, owner)
    found = set()
    for number, (url, _) in enumerate(REFUSED.values()):
        if "\n" in url:
            continue  # A browser's input field accepts no line break.
        saves(at, url)
        text = at.text("#generic_webhook_url-error")
        assert HEBREW.search(text), url
        assert at.overflow() == 0, url
        found.add(text)
        if number == 0:
            at.picture(f"refused-{size.name.lower()}")
    assert len(found) == len({code for _, code in REFUSED.values()})
    saves(at, "\u200fhttps://prod-1.westeurope.logic.azure.com/workflows/x\u200f")
    assert at.page.input_value("#generic_webhook_url") == "https://prod-1.westeurope.logic.azure.com/workflows/x"
    assert HEBREW.search(at.text("#generic_webhook_url-hints"))
    assert at.overflow() == 0
    at.picture(f"hint-{size.name.lower()}")
    assert at.findings() == []


def test_url_that_is_too_long_is_refused_and_not_cut(owner: Owner, visit: Callable[..., Visit]) -> None:
    at = visit()
    at.expected = {422}
    enters(at, owner)
    saves(at, "https://n8n.example/".ljust(2050, "x"))
    assert HEBREW.search(at.text("#generic_webhook_url-error"))
    at.page.fill("#generic_webhook_url", owner.url)
    at.press(SETTINGS)
    assert owner.item()["generic_webhook_url"] == owner.url
