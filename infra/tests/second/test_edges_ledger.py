"""Unusual contents of the tables: many attempts, a write whose answer was lost, values of another version."""

from typing import Any

import pytest

from infra.fakes.aws_proxy import RECORD_WRITES, lost_answer
from infra.fakes.receiver import Answer
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness, event_id_of
from infra.tests.logs import log_lines
from infra.tests.portal import Owner

pytestmark = [pytest.mark.second, pytest.mark.edges]

PARAMETERS = {
    "RetryScheduleSeconds": "1",
    "MaxAttempts": "30",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "4",
}
MAX_RECORDED = 20
LONG_AGO = 1762155755000
"""In Unix milliseconds. An attempt that was due then is long overdue."""

PROBE = "evt_0123456789abcdef0123456789abcdef"
ACTIVE = {"version": 3, "state": "active", "failures": 0}
FAILING = {
    "version": 3,
    "state": "failing",
    "since": LONG_AGO,
    "cause": "status",
    "probe": PROBE,
    "probe_due": LONG_AGO,
    "last_attempt": LONG_AGO,
}
TEAPOT = {"kind": "failing", "since": LONG_AGO, "cause": "teapot", "at": LONG_AGO}
UNKNOWN_HEALTH: dict[str, dict[str, Any]] = {
    "state": ACTIVE | {"state": "sleeping"},
    "state_with_more": FAILING | {"state": "sleeping"},
    "cause": FAILING | {"cause": "teapot"},
    "notice": ACTIVE | {"notices": [{"kind": "drowsy", "since": LONG_AGO, "cause": "status", "at": LONG_AGO}]},
    "state_with_less": {name: value for name, value in FAILING.items() if name != "since"},
    "state_of_other_types": FAILING | {"since": "yesterday", "last_attempt": [LONG_AGO]},
    "notice_with_less": ACTIVE | {"notices": [{"kind": "failing"}, "paused"]},
    "cause_of_a_notice": ACTIVE
    | {"notices": [{"kind": "failing", "since": LONG_AGO, "cause": "teapot", "at": LONG_AGO}]},
}


def shown(owner: Owner, event_id: str) -> dict[str, Any]:
    """Give a delivery as the API shows it to its owner."""
    reply = owner.get(f"/api/deliveries/{event_id}")
    assert reply.status == 200, reply.body
    return reply.json


def attempts(second: SecondStack, owner: Owner, event_id: str, count: int) -> list[str]:
    """Wait until an event has so many attempts and no message, and give the recorded answers."""
    second.until(lambda: owner.business.record_of(event_id), "a record")
    second.until(lambda: shown(owner, event_id)["attempts"] >= count, f"{count} attempts")
    second.until(second.is_idle, "the end of all work")
    delivery = shown(owner, event_id)
    assert delivery["attempts"] == count
    return [attempt["response_snippet"] for attempt in delivery["attempt_log"]]


def faults(business: TestBusiness) -> list[dict[str, Any]]:
    """Give the faults that were logged about a business."""
    lines = log_lines(business.stack)
    return [line for line in lines if line["level"] == "ERROR" and line.get("business_id") == business.id]


def test_newest_twenty_attempts_are_recorded_in_order(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    answers = [f"answer {number}" for number in range(1, MAX_RECORDED + 6)]
    business.answers(*(Answer(200, text.encode()) for text in answers))
    business.publish()
    event_id = event_id_of(business.receives()[0])
    for count in range(1, len(answers)):
        recorded = attempts(second, owner, event_id, count)
        assert recorded == answers[max(0, count - MAX_RECORDED) : count]
        assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    assert attempts(second, owner, event_id, len(answers)) == answers[-MAX_RECORDED:]


@pytest.mark.parametrize("at", [1, 20, 21], ids=lambda at: f"attempt_{at}")
def test_attempt_counts_once_although_the_answer_to_its_write_was_lost(
    owner: Owner, second: SecondStack, at: int
) -> None:
    business = owner.business
    answers = [f"answer {number}" for number in range(1, at + 2)]
    business.answers(*(Answer(200, text.encode()) for text in answers))
    for count in range(1, len(answers) + 1):
        # The write of the record succeeds and its answer is lost, so the SDK writes again. The portal's write of a
        # resend fails in the same way.
        ledger = second.outputs["DeliveriesTableName"]
        lost = (1 if count == 1 else 2) if count >= at else 0
        about = {"table": ledger, "about": business.id, "times": lost}
        with second.proxy.rule(lost_answer, *RECORD_WRITES, **about) as rule:
            if count == 1:
                business.publish()
                event_id = event_id_of(business.receives()[0])
            else:
                assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
            recorded = attempts(second, owner, event_id, count)
        assert rule.hits == lost
        assert recorded == answers[max(0, count - MAX_RECORDED) : count]


def test_failure_counts_once_although_the_answer_to_its_write_was_lost(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(Answer(500, b"first"), Answer(500, b"second"), Answer(200, b"third"))
    ledger = second.outputs["DeliveriesTableName"]
    with second.proxy.rule(lost_answer, *RECORD_WRITES, table=ledger, about=business.id, times=2) as rule:
        business.publish()
        event_id = event_id_of(business.receives(3)[0])
        assert attempts(second, owner, event_id, 3) == ["first", "second", "third"]
        assert rule.hits == 2


@pytest.mark.parametrize("health", UNKNOWN_HEALTH.values(), ids=UNKNOWN_HEALTH.keys())
def test_state_of_another_version_stops_no_delivery(owner: Owner, second: SecondStack, health: dict[str, Any]) -> None:
    business = owner.business
    business.answers(200, health=health)
    events = [business.publish()["call_id"] for _ in range(3)]
    second.until(lambda: len(business.received()) + len(business.held()) >= len(events), "all sent or held", seconds=15)
    # The events of a failing endpoint are held until `sweep` finds that the probe is overdue.
    second.sweep()
    second.until(lambda: len(business.received()) >= len(events), "three requests", seconds=15)
    second.until(second.is_idle, "the end of all work")
    assert len(business.received()) == len(events)
    assert faults(business) == []
    assert owner.get("/api/settings").status == 200
    assert owner.get("/api/settings").json["status"] == "active", "the success has replaced the state"


def test_pause_for_a_reason_of_another_version_lasts_until_the_owner_resumes(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(200, health={"version": 3, "state": "paused", "since": LONG_AGO, "reason": "holiday"})
    business.publish()
    second.until(lambda: len(business.held()) == 1, "a held event", seconds=15)
    settings = owner.get("/api/settings")
    assert (settings.status, settings.json["status"]) == (200, "paused")
    assert owner.post("/api/resume").status == 200
    assert len(business.receives()) == 1
    assert faults(business) == []


@pytest.mark.parametrize(
    "stored", [{"status": "parked"}, {"status": "failed", "cause": "teapot"}], ids=["status", "cause"]
)
def test_record_of_another_version_causes_no_fault(owner: Owner, second: SecondStack, stored: dict[str, str]) -> None:
    business = owner.business
    business.answers(200)
    event = business.publish()
    event_id = event_id_of(business.receives()[0])
    business.recorded(event_id, "delivered")
    for name, value in stored.items():
        business.stack.deliveries.update_item(
            Key={"business_id": business.id, "event_id": event_id},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": value},
        )
    assert shown(owner, event_id)["event_id"] == event_id
    listed = owner.get("/api/deliveries")
    assert (listed.status, len(listed.json["deliveries"])) == (200, 1)
    # A copy of that event, and another event in the same batch.
    second.publish_together(event, business.call())
    second.until(lambda: len(business.received()) >= 2, "the neighbour", seconds=15)
    second.until(second.is_idle, "the end of all work")
    assert faults(business) == []
    assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    second.until(second.is_idle, "the resend taken")
    assert faults(business) == []


def test_attempt_with_a_cause_of_another_version_is_shown(owner: Owner, second: SecondStack) -> None:
    business = owner.business
    business.answers(500, 200)
    business.publish()
    event_id = event_id_of(business.receives(2)[0])
    business.recorded(event_id, "delivered")
    record = business.record_of(event_id)
    assert record is not None
    _replace(record, "status", "teapot")
    business.stack.deliveries.put_item(Item=record)
    assert [attempt["cause"] for attempt in shown(owner, event_id)["attempt_log"]] == ["other", None]
    second.until(second.is_idle, "the end of all work")


def _replace(value: Any, before: str, after: str) -> None:  # noqa: ANN401 - an item or a part of it
    """Replace a cause by another, at every depth of an item. In the map of an attempt its name is `c`."""
    parts = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for name, part in parts:
        if name in {"cause", "c"} and part == before:
            value[name] = after
        _replace(part, before, after)
