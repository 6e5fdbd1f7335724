"""No business reaches another's data by any route, and every answer has the security headers."""

import json
import re
from typing import Any

import pytest

from infra.fakes.receiver import Answer

from .portal import Owner, Reply
from .test_portal_sending import event_ids
from .test_portal_session import directives

pytestmark = pytest.mark.portal

BODIES: dict[tuple[str, str], object] = {
    ("PUT", "/api/settings"): {"generic_webhook_url": "https://intruder.example/", "static_header": None},
    ("POST", "/api/deliveries/resend"): {"status": "failed"},
    ("POST", "/api/preview"): {"payload_format": "event"},
}
"""The bodies of the routes that need a body."""


def everything_of(owner: Owner) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give a business's items in both tables."""
    condition = {"KeyConditionExpression": "business_id = :b", "ExpressionAttributeValues": {":b": owner.id}}
    return owner.item(), owner.portal.stack.deliveries.query(**condition, ConsistentRead=True)["Items"]


def with_a_past(owner: Owner) -> list[str]:
    """Give a business settings, a secret, a delivery that failed and two that are held; return its event ids."""
    business = owner.business
    business.receiver.script(business.path, Answer(400))
    owner.saves(owner.url, static_header={"name": "X-Key", "value": "b-s-header-value"})
    failed = event_ids(business, 1, "failed")
    owner.post("/api/pause")
    return failed + event_ids(business, 2, "held")


def test_no_route_reaches_another_business(owner: Owner, stranger: Owner) -> None:
    ids = with_a_past(stranger)
    cursor = stranger.get("/api/deliveries?limit=1").json["next_cursor"]
    secrets = [stranger.id, stranger.url, stranger.item()["signing_secret"], "b-s-header-value", *ids]
    before, requests = everything_of(stranger), len(stranger.business.received())
    tricks = [("", {}), (f"?business_id={stranger.id}&sub={stranger.id}", {}), ("", {"X-Business-Id": stranger.id})]
    if cursor:
        tricks.append((f"?cursor={cursor}", {}))
    for method, path, _ in owner.portal.operations():
        for event_id in ids if "{event_id}" in path else [""]:
            for query, headers in tricks:
                reply = owner.portal.send(
                    method,
                    path.replace("{event_id}", event_id) + query,
                    BODIES.get((method, path)),
                    token=owner.token,
                    headers=headers,
                )
                assert "{event_id}" not in path or reply.status == 404, (method, path)
                assert [text for text in secrets if text in reply.text] == [], (method, path)
    assert everything_of(stranger) == before
    assert len(stranger.business.received()) == requests


def test_no_page_reaches_another_business(owner: Owner, stranger: Owner) -> None:
    ids = with_a_past(stranger)
    before = everything_of(stranger)
    headers = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "same-origin"}
    for event_id in ids:
        assert owner.portal.send("GET", f"/deliveries/{event_id}", headers=headers).status == 404
        assert owner.portal.send("POST", f"/deliveries/{event_id}/resend", headers=headers).status in (303, 404)
        page = owner.portal.send("GET", f"/?search={event_id}&business_id={stranger.id}&secret=shown", headers=headers)
        assert f'data-event-id="{event_id}"' not in page.text
        assert stranger.item()["signing_secret"] not in page.text
    assert everything_of(stranger) == before


@pytest.mark.parametrize("name", ["business_id", "sub", "updated_at"])
def test_body_that_names_a_business_is_refused(owner: Owner, stranger: Owner, name: str) -> None:
    owner.saves(None, **{name: stranger.id}).problem(422)
    assert stranger.item() == {}


def answers(owner: Owner) -> dict[str, Reply]:
    """Give one answer of each kind."""
    send, cookie = owner.portal.send, {"Cookie": owner.cookie()}
    post = cookie | {"Sec-Fetch-Site": "cross-site"}
    return {
        "the page": send("GET", "/", headers=cookie),
        "the page of nobody": send("GET", "/"),
        "a traded link": send("GET", f"/?token={owner.token}"),
        "a forged link": send("GET", "/?token=a.b.c"),
        "a refused post": send("POST", "/settings", "", headers=post),
        "no such page": send("GET", "/nothing", headers=cookie),
        "no such delivery": send("GET", f"/deliveries/evt_{'0' * 32}", headers=cookie),
        "the API": owner.get("/api/settings"),
        "the API to nobody": send("GET", "/api/settings"),
        "no such route": owner.get("/api/nothing"),
        "no such method": send("DELETE", "/api/settings", token=owner.token),
        "a body that is too large": owner.put("/api/settings", {"generic_webhook_url": "x" * 1_000_000}),
        "the document": owner.get("/api/openapi.json"),
        "a refused field": owner.saves("https://user:word@x.example/"),
    }


def test_every_answer_has_the_security_headers(owner: Owner) -> None:
    for name, reply in answers(owner).items():
        policy, headers = directives(reply), reply.headers
        text = headers["content-security-policy"]
        assert policy["default-src"] == ["'none'"], name
        assert policy["frame-ancestors"] == ["'none'"], name
        assert policy["base-uri"] == ["'none'"], name
        assert policy["form-action"] in (["'self'"], ["'none'"]), name
        assert [word for word in ("unsafe", "data:", "*", "http:", "https:", "nonce-", "blob:") if word in text] == []
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["referrer-policy"] == "no-referrer", name
        assert "no-store" in headers["cache-control"], name
        assert "server" not in headers, name
        assert "x-powered-by" not in headers, name
        assert "access-control-allow-origin" not in headers, name
        assert reply.status < 500, name


def test_unknown_page_is_html_for_a_browser_and_a_problem_for_a_client(owner: Owner) -> None:
    send, token = owner.portal.send, owner.token
    for path in ("/api/nothing", "/api/settings/more", "/api/deliveries/evt_1/more"):
        send("GET", path, token=token).problem(404)
    for method, path in [("DELETE", "/api/settings"), ("GET", "/api/test"), ("PATCH", "/api/settings")]:
        problem = send(method, path, token=token)
        problem.problem(405)
        assert problem.headers["allow"]
    page = send("GET", "/nothing", headers={"Cookie": owner.cookie()})
    assert (page.status, page.media_type) == (404, "text/html")
    assert 'dir="rtl"' in page.text


SPELLINGS = [
    "/api",
    "/api/",
    "//api",
    "/api//settings",
    "/api/settings/",
    "/API",
    "/API/settings",
    "/Api/Settings",
    "/%61pi/nothing",
    "/%61%70%69",
    "/%2561pi/settings",
    "/api%2fsettings/x",
    "/api%5cnothing",
    "/api\\nothing",
    "/./api/nothing",
    "/../api",
    "/%2e/api",
    "/x/../api",
    "/x/..%2fapi",
    "/api/.",
    "/api/..",
    "/api/../",
    "/api/deliveries/%2e%2e%2f%2e%2e",
    "/api/deliveries/../..",
    "/api/%2e%2e/",
    "/api/..;/settings",
    "/api%20",
    "/api%E2%80%8F/settings",
    "/api/<x>",
    "/api?x=1",
]


@pytest.mark.parametrize("path", SPELLINGS)
def test_unknown_path_below_api_is_a_problem_however_it_is_spelt(owner: Owner, path: str) -> None:
    for token in (owner.token, None):
        reply = owner.portal.send("GET", path, token=token, headers={"Cookie": owner.cookie()})
        reply.problem(404)
    owner.portal.send("POST", path, {"a": 1}, token=owner.token).problem(404)


@pytest.mark.parametrize("path", ["/apis", "/ap", "/api.html", "/x/api", "/deliveries/api"])
def test_unknown_path_outside_api_is_a_page(owner: Owner, path: str) -> None:
    reply = owner.portal.send("GET", path, headers={"Cookie": owner.cookie()})
    assert (reply.status, reply.media_type) == (404, "text/html")


def test_body_over_the_limit_is_refused(owner: Owner) -> None:
    large = json.dumps({"generic_webhook_url": f"https://x.example/{'x' * 1_000_000}"})
    headers = {"Content-Type": "application/json"}
    owner.portal.send("PUT", "/api/settings", large, token=owner.token, headers=headers).problem(413)
    form = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "same-origin"}
    form["Content-Type"] = "application/x-www-form-urlencoded"
    assert owner.portal.send("POST", "/settings", "a=" + "x" * 1_000_000, headers=form).status == 413
    assert owner.item() == {}


def test_static_files_need_no_session_and_are_cached_by_their_content(owner: Owner) -> None:
    page = owner.portal.send("GET", "/").text
    addresses = re.findall(r'(?:href|src)="(/(?:page|icon)[^"]*)"', page)
    types = {"text/css", "text/javascript", "image/svg+xml"}
    assert len(addresses) == len(types)
    for address in addresses:
        path, _, version = address.partition("?")
        assert version, "the name changes with the content"
        kept = owner.portal.send("GET", address)
        assert kept.status == 200
        assert kept.headers["x-content-type-options"] == "nosniff"
        assert {"immutable", "max-age=31536000"} <= set(kept.headers["cache-control"].split(", "))
        types.remove(kept.media_type)
        for other in (path, f"{path}?v=0000000000000000", f"{path}?v=", f"{path}?w=%FF"):
            reply = owner.portal.send("GET", other)
            assert (reply.status, reply.body) == (200, kept.body), "a page of another version gets the present file"
            assert reply.headers["cache-control"] == "no-cache"
