"""The format by the API: saved, refused with its place, previewed, and tested with any typed event."""

import json
import re
from typing import Any

import pytest

from infra.fakes.chat_receivers import CHATS

from .portal import Owner

pytestmark = pytest.mark.portal

FORMATS = ["auto", "event", "flat", "slack", "discord", "google_chat", "teams", "template"]
TYPES = ["call.completed", "lead.created", "appointment.booked", "lead.status_changed"]
TEMPLATE = '{"שם": "{{lead_name}}", "text": "{{summary}} ({{metadata.city}})", "all": "{{metadata}}"}'

VARIES = re.compile(
    r"test-\d+"  # ids
    r"|20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"  # times of the event
    r"|\d{1,2}\.\d{1,2}\.20\d\d \d\d:\d\d"  # and of a message
)
"""The texts that differ between two tests."""


def kept(body: str) -> str:
    """Give a body without the texts that differ between two tests."""
    return VARIES.sub("#", body)


def test_new_business_has_the_automatic_format_and_no_template(owner: Owner) -> None:
    assert owner.get("/api/settings").json.items() >= {"payload_format": "auto", "payload_template": None}.items()


@pytest.mark.parametrize("name", FORMATS)
def test_format_is_saved_and_shown(owner: Owner, name: str) -> None:
    change = {"payload_format": name} | ({"payload_template": TEMPLATE} if name == "template" else {})
    for shown in (owner.saves(owner.url, **change), owner.get("/api/settings")):
        assert shown.status == 200
        assert shown.json.items() >= change.items()
    assert owner.item().items() >= change.items()


def test_absent_members_stay_and_empty_templates_are_removed(owner: Owner) -> None:
    owner.saves(owner.url, payload_format="template", payload_template=TEMPLATE)
    stored = {"payload_format": "template", "payload_template": TEMPLATE}
    for change in ({}, {"static_header": None}, {"payload_format": "template"}, {"payload_template": TEMPLATE}):
        assert owner.put("/api/settings", change).json.items() >= stored.items(), change
    assert owner.put("/api/settings", {"payload_format": "flat"}).json["payload_template"] == TEMPLATE
    for empty in (None, "", " \u200f\n"):
        owner.put("/api/settings", {"payload_template": TEMPLATE})
        assert owner.put("/api/settings", {"payload_template": empty}).json["payload_template"] is None
    assert "payload_template" not in owner.item()


@pytest.mark.parametrize(
    ("change", "pointer", "code", "place"),
    [
        ({"payload_format": "fax"}, "/payload_format", "unknown", ""),
        ({"payload_format": ""}, "/payload_format", "unknown", ""),
        ({"payload_format": "Slack"}, "/payload_format", "unknown", ""),
        ({"payload_format": "template"}, "/payload_template", "missing", ""),
        ({"payload_format": "template", "payload_template": None}, "/payload_template", "missing", ""),
        ({"payload_format": "template", "payload_template": " \u200b"}, "/payload_template", "missing", ""),
        ({"payload_template": "{"}, "/payload_template", "json", "line 1, column 1"),
        ({"payload_template": '{\n  "שלום": }'}, "/payload_template", "json", "line 2, column 11"),
        ({"payload_format": "slack", "payload_template": "שלום"}, "/payload_template", "json", "line 1, column 1"),
        ({"payload_template": "[1e400]"}, "/payload_template", "number", "line 1"),
        ({"payload_template": "[" * 129 + "]" * 129}, "/payload_template", "depth", "line 1"),
        ({"payload_template": json.dumps("x" * 4095)}, "/payload_template", "too_long", "4,096"),
        ({"payload_template": json.dumps("ש" * 2048, ensure_ascii=False)}, "/payload_template", "too_long", "4,096"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invalid_format_is_refused_with_its_place(
    owner: Owner, change: dict[str, Any], pointer: str, code: str, place: str
) -> None:
    for send in (lambda body: owner.put("/api/settings", body), lambda body: owner.post("/api/preview", body)):
        [error] = send({"generic_webhook_url": "https://a.example/"} | change).problem(422)["errors"]
        assert (error["pointer"], error["code"]) == (pointer, code)
        assert place in error["detail"]
    assert owner.item() == {}, "a refused change changes no field"


def test_template_of_4_kb_is_saved(owner: Owner) -> None:
    longest = json.dumps("x" * 4094)
    assert owner.saves(owner.url, payload_template=longest).json["payload_template"] == longest


def test_removing_the_template_that_the_format_needs_is_refused(owner: Owner) -> None:
    owner.saves(owner.url, payload_format="template", payload_template=TEMPLATE)
    [error] = owner.put("/api/settings", {"payload_template": None}).problem(422)["errors"]
    assert error["pointer"] == "/payload_template"
    assert owner.get("/api/settings").json["payload_template"] == TEMPLATE


@pytest.mark.parametrize("value", [None, 1, True, {}, ["auto"]], ids=str)
def test_format_is_a_string(owner: Owner, value: object) -> None:
    owner.put("/api/settings", {"payload_format": value}).problem(422)
    owner.put("/api/settings", {"payload_template": value if value is not None else 1}).problem(422)
    assert owner.item() == {}


def test_pasted_template_loses_what_cannot_be_seen(owner: Owner) -> None:
    pasted = '\u200f\n{"a\u200b": "{{phone}}\u00a0\u202c"}\u00a0\n'
    assert owner.saves(owner.url, payload_template=pasted).json["payload_template"] == '{"a": "{{phone}}"}'


def test_what_another_system_stored_does_not_keep_an_owner_from_saving(owner: Owner) -> None:
    owner.business.settings.save(owner.portal.stack, payload_format="fax", payload_template="{")
    shown = owner.get("/api/settings").json
    assert (shown["payload_format"], shown["payload_template"]) == ("event", "{")
    assert owner.saves(owner.url).status == 200
    assert owner.put("/api/settings", {"payload_format": "auto"}).json["payload_format"] == "auto"


@pytest.mark.parametrize("event_type", [None, *TYPES])
@pytest.mark.parametrize("name", FORMATS)
def test_preview_is_what_a_test_then_sends(owner: Owner, name: str, event_type: str | None) -> None:
    asked = {"event_type": event_type} if event_type else {}
    change = {"payload_format": name, "payload_template": TEMPLATE}
    reply = owner.post("/api/preview", change | asked)
    assert (reply.status, reply.json.keys()) == (200, {"body"})
    assert owner.item() == {}, "a preview stores nothing"
    owner.saves(owner.url, **change)
    assert owner.business.received() == [], "a preview sends nothing"
    assert kept(owner.post("/api/preview", asked).json["body"]) == kept(reply.json["body"])
    assert owner.post("/api/test", asked or None).json["delivered"]
    [request] = owner.business.received()
    assert request.headers["x-prosaas-event"] == (event_type or "webhook.test")
    assert kept(request.body.decode()) == kept(reply.json["body"])
    if name in CHATS:
        assert CHATS[name].judge(request).accepts
        assert CHATS[name].faults(request.body) == []


@pytest.mark.parametrize(
    ("url", "like"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", "slack"),
        ("https://HOOKS.slack.com:443/services/T0/B0/x?a=b", "slack"),
        ("https://hooks.slack-gov.com/services/T0/B0/x", "slack"),
        ("https://hooks.slack.com/triggers/T0/1/x", "flat"),
        ("https://hooks.slack.com/workflows/T0/1/x", "flat"),
        ("https://discord.com/api/webhooks/1/x", "discord"),
        ("https://canary.discord.com/api/v10/webhooks/1/x", "discord"),
        ("https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t", "google_chat"),
        ("https://prod-1.westeurope.logic.azure.com/workflows/x", "event"),
        ("https://n8n.example/webhook/x", "event"),
        (None, "event"),
        ("", "event"),
    ],
    ids=str,
)
def test_preview_of_the_automatic_format_is_that_of_the_urls_receiver(owner: Owner, url: str | None, like: str) -> None:
    automatic = owner.post("/api/preview", {"payload_format": "auto", "generic_webhook_url": url})
    chosen = owner.post("/api/preview", {"payload_format": like})
    assert kept(automatic.json["body"]) == kept(chosen.json["body"])
    if url:
        owner.saves(url)
        assert kept(owner.post("/api/preview", {}).json["body"]) == kept(chosen.json["body"])


def test_preview_of_a_url_that_cannot_be_saved_is_refused(owner: Owner) -> None:
    url = "https://user:word@receiver.example/"
    [error] = owner.post("/api/preview", {"generic_webhook_url": url}).problem(422)["errors"]
    assert error["pointer"] == "/generic_webhook_url"


@pytest.mark.parametrize("path", ["/api/test", "/api/preview"])
@pytest.mark.parametrize(
    "body",
    [
        {"event_type": "survey.answered"},
        {"event_type": "calls.completed"},
        {"event_type": ""},
        {"event_type": None},
        {"event_type": 1},
        {"event_type": ["call.completed"]},
        {"event_type": "call.completed", "business_id": "b"},
        [],
        "text",
        "{",
    ],
    ids=str,
)
def test_request_for_another_event_is_refused(owner: Owner, path: str, body: object) -> None:
    owner.saves(owner.url)
    headers = {"Content-Type": "application/json"}
    reply = owner.portal.send("POST", path, body, token=owner.token, headers=headers)
    assert reply.status in (400, 422)
    reply.problem(reply.status)
    assert owner.business.received() == []


@pytest.mark.parametrize("event_type", [None, "webhook.test", *TYPES])
def test_test_event_has_every_field_filled(owner: Owner, event_type: str | None) -> None:
    owner.saves(owner.url)
    assert owner.post("/api/test", {"event_type": event_type} if event_type else {}).json["delivered"]
    [request] = owner.business.received()
    body = json.loads(request.body)
    assert [name for name, value in body.items() if value in ("", None, 0, {})] == []
    assert body["event_type"] == (event_type or "webhook.test")
    assert body["business_id"] == owner.id
    ids = [value for name, value in body.items() if name.endswith("_id") and name != "business_id"]
    assert ids
    assert all(value.startswith("test-") for value in ids)
    assert body["metadata"]["test"] is True
    assert len(body["metadata"]) == 3
    if "transcript" in body:
        assert len(body["transcript"].splitlines()) == 10
