"""The format of a delivery: chats take each body, no words of a caller act there, and the ledger keeps the event."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.fakes.chat_receivers import CHATS, SLACK_WORKFLOW
from infra.fakes.receiver import Answer, Received
from infra.local import environment
from infra.local.ledger import attempts
from infra.local.processes import until
from infra.local.signatures import internal_is_right, standard_is_right

from .business import TestBusiness, event_id_of, gaps
from .conftest import Businesses
from .portal import Owner, Portal
from .waits import SECONDS

SAMPLES = sorted((environment.ROOT / "events" / "samples").glob("*.json"))

HOSTILE = (
    "<!channel> <@U012AB3CD> <#C012AB3CD> <https://evil.example|בנק הפועלים> & &lt;!here&gt;\n"
    "@everyone @here <@123456789012345678> <@&1> [בנק](https://evil.example) ||סוד|| `קוד` ```\n"
    "<users/all> *מודגש* _נטוי_ ~מחוק~ <https://evil.example|בנק>\n"
    "<at>Dana</at> {{DATE(2017-02-14T06:08:39Z,LONG)}} **מודגש** __קו__\n"
    "# כותרת\n- פריט\n* פריט\n1. פריט\n> ציטוט\n>>> הכול\n-# קטן\n\\*\\_\\<\n"
    "\u202eהפוך\u2066\u0007\u2028 {{summary}} {{metadata.city}}"
)
"""Texts that would notify, mislead or decorate in one chat or another."""

TRIALS = [(sample.stem, name) for sample in SAMPLES for name in CHATS] + [("hostile", name) for name in CHATS]


def of_business(business: TestBusiness, name: str) -> dict[str, Any]:
    """Give an event of a business: a sample by its file's name, or the hostile one."""
    if name == "hostile":
        return business.call(transcript=HOSTILE, summary=HOSTILE, phone="<!channel>", metadata={"city": HOSTILE})
    sample = json.loads(Path(environment.ROOT / "events" / "samples" / f"{name}.json").read_text())
    return sample | {"business_id": business.id}


def delivered(business: TestBusiness, count: int = 1) -> list[dict[str, Any]]:
    """Wait until so many records of a business say that their events have arrived, and return them."""
    condition = {"KeyConditionExpression": "business_id = :b", "ExpressionAttributeValues": {":b": business.id}}

    def find() -> list[dict[str, Any]] | None:
        items = business.stack.deliveries.query(**condition, ConsistentRead=True)["Items"]
        return items if [item["status"] for item in items].count("delivered") >= count else None

    return until(find, SECONDS, f"{count} delivered", every=0.1)


def test_every_sample_and_a_hostile_call_reach_every_chat_and_nothing_in_them_acts(business_for: Businesses) -> None:
    businesses = business_for(TRIALS)
    for (event, chat), business in businesses.items():
        business.receiver.judge(business.path, CHATS[chat].judge)
        business.settings.save(business.stack, payload_format=chat)
        business.publish(of_business(business, event))
    for (event, chat), business in businesses.items():
        [record] = delivered(business)
        [request] = business.received()
        assert CHATS[chat].faults(request.body) == [], (event, chat)
        assert record["attempts"] == 1, (event, chat)
        assert record["format"] == chat
        assert [attempt["format"] for attempt in attempts(record)] == [chat]


def test_body_is_signed_as_sent_and_the_rest_of_the_request_is_as_ever(business: TestBusiness) -> None:
    business.answers(200, payload_format="slack")
    call = business.publish()
    [request] = business.receives()
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["x-prosaas-event"] == "call.completed"
    assert internal_is_right(request.body, request.headers, business.stack.internal_secret)
    assert standard_is_right(request.body, request.headers, business.settings.signing_secret)
    body = json.loads(request.body)
    assert request.body.decode() == json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    assert call["summary"] in body["text"]


def test_ledger_keeps_the_event_and_a_resend_is_made_anew_in_the_format_of_the_moment(
    business: TestBusiness, portal: Portal
) -> None:
    owner = Owner(business, portal)
    business.answers(200, payload_format="discord")
    business.publish()
    [first] = business.receives()
    event_id = event_id_of(first)
    business.recorded(event_id, "delivered")
    shown = owner.get(f"/api/deliveries/{event_id}").json
    assert json.loads(shown["body"])["event_type"] == "call.completed"
    assert [attempt["format"] for attempt in shown["attempt_log"]] == ["discord"]
    [listed] = owner.get("/api/deliveries").json["deliveries"]
    assert listed["format"] == "discord"
    owner.put("/api/settings", {"payload_format": "event"})
    business.resend(event_id)
    _, second = business.receives(2)
    assert second.body.decode() == shown["body"]
    until(lambda: business.record_of(event_id)["attempts"] == 2, SECONDS, "two attempts")
    again = owner.get(f"/api/deliveries/{event_id}").json
    assert [attempt["format"] for attempt in again["attempt_log"]] == ["discord", "event"]
    assert again["format"] == "event"


def test_every_attempt_has_the_same_bytes(business: TestBusiness) -> None:
    business.answers(500, 500, 200, payload_format="teams")
    business.publish()
    assert len({request.body for request in business.receives(3)}) == 1


def test_slack_workflow_takes_every_sample_in_the_flat_format(business_for: Businesses) -> None:
    businesses = business_for([sample.stem for sample in SAMPLES] + ["hostile"])
    for event, business in businesses.items():
        business.receiver.judge(business.path, SLACK_WORKFLOW.judge)
        business.settings.save(business.stack, payload_format="flat")
        business.publish(of_business(business, event))
    for event, business in businesses.items():
        [record] = delivered(business)
        assert (record["attempts"], record["format"]) == (1, "flat"), event


def test_plain_event_is_what_the_chats_refuse(business_for: Businesses) -> None:
    expected = {"slack": 400, "discord": 400, "google_chat": 400}
    businesses = business_for(expected)
    for chat, business in businesses.items():
        business.receiver.judge(business.path, CHATS[chat].judge)
        business.settings.save(business.stack, payload_format="event")
        business.publish()
    for chat, business in businesses.items():
        business.receives()
        business.logs(message="retrying", status_code=expected[chat], format="event")


def test_template_takes_values_with_their_types_and_nothing_in_them_is_replaced(business: TestBusiness) -> None:
    template = {
        "{{phone}}": "names stay",
        "long": "{{ duration_sec }}",
        "all": "{{metadata}}",
        "text": "מ־{{phone}}: {{summary}} {{metadata.city}}{{nothing}}",
    }
    business.answers(200, payload_format="template", payload_template=json.dumps(template))
    call = business.publish(of_business(business, "hostile"))
    [request] = business.receives()
    body = json.loads(request.body)
    assert body["{{phone}}"] == "names stay"
    assert (body["long"], body["all"]) == (74, {"city": HOSTILE})
    assert body["text"] == f"מ־{call['phone']}: {call['summary']} {HOSTILE}"
    [record] = delivered(business)
    assert record["format"] == "template"


@pytest.mark.parametrize(
    "settings",
    [
        {"payload_format": "fax"},
        {"payload_format": 7},
        {"payload_format": "template"},
        {"payload_format": "template", "payload_template": "{"},
        {"payload_format": "template", "payload_template": True},
        {"payload_format": "template", "payload_template": f'"{"x" * 5000}"'},
        {"payload_format": "template", "payload_template": '["{{transcript}}"' + ',"{{transcript}}"' * 90 + "]"},
    ],
    ids=lambda settings: str(settings)[:60],
)
def test_event_is_sent_where_a_format_cannot_be_made(business: TestBusiness, settings: dict[str, object]) -> None:
    business.answers(200, **settings)
    business.publish(business.call(transcript="ארוך מאוד " * 1200))
    [request] = business.receives()
    assert json.loads(request.body)["event_type"] == "call.completed"
    [record] = delivered(business)
    assert record["format"] == "event"


def test_attempt_that_the_guard_refuses_has_no_format(business: TestBusiness, portal: Portal) -> None:
    business.settings.save(business.stack, payload_format="slack", generic_webhook_url="ftp://receiver.example/")
    business.publish()
    business.logs(message="retrying", cause="blocked")
    [listed] = until(
        lambda: Owner(business, portal).get("/api/deliveries").json["deliveries"], SECONDS, "the delivery", every=0.2
    )
    assert (listed["cause"], listed["format"]) == ("blocked", None)


def test_another_format_ends_a_pause_by_410_and_what_was_held_is_sent_in_it(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(410))
    owner.saves(owner.url)
    business.publish()
    business.receives()
    until(lambda: owner.get("/api/settings").json["paused_reason"] == "gone", SECONDS, "the pause")
    business.receiver.judge(business.path, CHATS["slack"].judge)
    for same in ({}, {"payload_format": "auto"}, {"payload_template": None}):
        assert owner.put("/api/settings", same).json["status"] == "paused", same
    assert owner.put("/api/settings", {"payload_format": "slack"}).json["status"] == "active"
    [record] = delivered(business)
    assert record["format"] == "slack"
    assert "text" in json.loads(business.received()[-1].body)


def test_another_template_ends_a_pause_by_the_system_and_not_the_owners(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(410), Answer(200))
    owner.saves(owner.url, payload_format="template", payload_template='{"a":"{{phone}}"}')
    business.publish()
    until(lambda: owner.get("/api/settings").json["paused_reason"] == "gone", SECONDS, "the pause")
    change = {"payload_template": '{"b":"{{phone}}"}'}
    assert owner.put("/api/settings", change).json["status"] == "active"
    delivered(business)
    assert list(json.loads(business.received()[-1].body)) == ["b"]
    owner.post("/api/pause")
    for change in ({"payload_template": '{"c":1}'}, {"payload_format": "teams"}):
        assert owner.put("/api/settings", change).json["paused_reason"] == "owner"


def replayed(owner: Owner, count: int, **settings: object) -> list[Received]:
    """Have so many held events sent in a replay, and return the requests."""
    owner.saves(owner.url, **settings)
    owner.post("/api/pause")
    ids = owner.business.hold(count)
    assert owner.post("/api/resume").status == 200
    requests = owner.business.receives(count)
    assert [event_id_of(request) for request in requests] == ids
    return requests


def test_replay_sends_one_event_a_second_to_a_chat(owner: Owner, stranger: Owner) -> None:
    to_a_chat = gaps(replayed(owner, 4, payload_format="google_chat"))
    assert min(to_a_chat) > 0.9
    assert sum(gaps(replayed(stranger, 4, payload_format="flat"))) < sum(to_a_chat)
