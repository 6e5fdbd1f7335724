"""Replays of a range of time that an owner asks for: the order, the counts, and what ends or delays them."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.fakes.receiver import Answer
from infra.local.processes import until

from .business import TestBusiness
from .portal import Owner
from .queues import wait_until_empty
from .test_portal_sending import arrived, event_ids
from .waits import SECONDS

pytestmark = pytest.mark.portal

TWO_STEPS = 12
"""More events than a step of a replay has."""

FOREVER = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00+02:00"}
KEPT = ("status", "cause", "status_code", "response_snippet", "delivered_at", "created_at", "occurred")
"""The attributes of a record that say how its event has arrived."""


def begun(owner: Owner, **range_: object) -> dict[str, Any]:
    """Ask for a replay, and return it as the answer has it."""
    reply = owner.post("/api/deliveries/resend", range_)
    assert reply.status == 202, reply.body
    replay = reply.json["replay"]
    assert replay.keys() == {"kind", "from", "to", "done", "failed", "total", "state"}
    return replay


def shown(owner: Owner) -> dict[str, Any] | None:
    """Give the replay that the settings show."""
    return owner.get("/api/settings").json["replay"]


def when(owner: Owner, state: str) -> dict[str, Any]:
    """Wait until the settings show a replay of this state, and return it."""

    def find() -> dict[str, Any] | None:
        replay = shown(owner)
        return replay if replay and replay["state"] == state else None

    return until(find, SECONDS, f"a replay that is {state}", every=0.1)


def delivered(owner: Owner, count: int) -> list[str]:
    """Publish so many calls to a well endpoint, and return their event ids in the order of a replay."""
    owner.saves(owner.url)
    event_ids(owner.business, count, "delivered")
    return in_order(owner.business)


def in_order(business: TestBusiness) -> list[str]:
    """Give all events of a business in the order of a replay: by the time of their publishing."""
    records = [business.record_of(event_id) for event_id in set(business.arrived())]
    return [record["event_id"] for record in sorted(filter(None, records), key=lambda record: record["occurred"])]


def created_at(owner: Owner, event_id: str) -> str:
    """Give when an event was published, as the API says."""
    return owner.get(f"/api/deliveries/{event_id}").json["created_at"]


def answers_next(business: TestBusiness, *statuses: int) -> None:
    """Set how the endpoint answers its next requests; the last answer repeats."""
    earlier = [Answer(200)] * len(business.received())
    business.receiver.script(business.path, *earlier, *(Answer(status) for status in statuses))


def test_range_sends_its_events_again_in_order_and_no_other(owner: Owner) -> None:
    business = owner.business
    before, *wanted, after = delivered(owner, TWO_STEPS + 2)
    records = {event_id: business.record_of(event_id) for event_id in wanted}
    start, end = created_at(owner, wanted[0]), created_at(owner, wanted[-1])
    if start == created_at(owner, before) or end == created_at(owner, after):
        pytest.skip("events of one millisecond cannot be told apart by a range")
    begun_ = begun(owner, **{"from": start, "to": end})
    assert begun_ == {
        "kind": "range",
        "from": start,
        "to": end,
        "done": 0,
        "failed": 0,
        "total": TWO_STEPS,
        "state": "running",
    }
    assert when(owner, "done") == begun_ | {"done": TWO_STEPS, "state": "done"}
    wait_until_empty(business.stack)
    assert arrived(business)[TWO_STEPS + 2 :] == wanted, "both ends are included"
    for request in business.received()[TWO_STEPS + 2 :]:
        assert request.headers["webhook-attempt"] == "1"
    for event_id, record in records.items():
        now = business.record_of(event_id)
        assert now["attempts"] == 2
        assert now["last_delivered_at"] > record["delivered_at"]
        assert {name: now.get(name) for name in KEPT} == {name: record.get(name) for name in KEPT}
    assert shown(owner)["state"] == "done", "the range is shown until the next one"


def test_event_that_had_arrived_stays_delivered_when_its_replay_fails_and_counts_as_failed(owner: Owner) -> None:
    business = owner.business
    ids = delivered(owner, 3)
    records = {event_id: business.record_of(event_id) for event_id in ids}
    answers_next(business, 500, 500, 500, 200)
    begun(owner, **FOREVER, status=["delivered"])
    until(lambda: business.record_of(ids[0])["attempts"] == 2, SECONDS, "a failed attempt of the replay")
    detail = owner.get(f"/api/deliveries/{ids[0]}").json
    assert (detail["status"], detail["cause"], detail["attempt_log"][-1]["cause"]) == ("delivered", None, "status")
    replay = when(owner, "done")
    assert (replay["done"], replay["failed"], replay["total"]) == (3, 1, 3)
    business.logs(message="not_replayed", event_id=ids[0], cause="status")
    wait_until_empty(business.stack)
    assert arrived(business)[3:] == [ids[0]] * 3 + ids[1:], "three attempts, then the replay goes on"
    for event_id, record in records.items():
        now = business.record_of(event_id)
        assert now["attempts"] == (4 if event_id == ids[0] else 2)
        assert "next_attempt_at" not in now, "the event has no schedule"
        assert {name: now.get(name) for name in KEPT} == {name: record.get(name) for name in KEPT}
    assert owner.get("/api/settings").json["status"] == "active"


def test_failed_events_of_a_range_are_sent_and_become_delivered(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(200))
    [arrived_before] = delivered(owner, 1)
    answers_next(business, *[500] * 4, 200)
    [failed] = event_ids(business, 1, "failed")
    assert begun(owner, **FOREVER, status=["failed"])["total"] == 1
    assert when(owner, "done")["failed"] == 0
    assert business.recorded(failed, "delivered")["attempts"] == 5
    assert arrived(business).count(arrived_before) == 1
    everything = begun(owner, **FOREVER)
    assert everything["total"] == 2, "both statuses by default"
    when(owner, "done")
    assert arrived(business)[-2:] == in_order(business)
    without_ends = begun(owner, status="failed")
    assert (without_ends["from"], without_ends["to"], without_ends["total"]) == (None, None, 0)
    assert without_ends["state"] == "done", "nothing has failed any more"


def test_one_range_at_a_time_and_pausing_ends_the_range(owner: Owner) -> None:
    business = owner.business
    delivered(owner, 2)
    assert shown(owner) is None
    assert owner.post("/api/pause").json["replay"] is None
    assert begun(owner, **FOREVER)["state"] == "waiting", "the endpoint is paused"
    for another in (FOREVER, {"status": "failed"}, FOREVER | {"status": ["failed"]}):
        owner.post("/api/deliveries/resend", another).problem(409)
    assert owner.post("/api/pause").json["replay"] | {"from": 0, "to": 0} == {
        "kind": "range",
        "from": 0,
        "to": 0,
        "done": 0,
        "failed": 0,
        "total": 2,
        "state": "ended",
    }
    assert owner.post("/api/resume").json["replay"]["state"] == "ended"
    wait_until_empty(business.stack)
    assert len(business.received()) == 2, "an ended range sends nothing"
    assert begun(owner, **FOREVER)["total"] == 2, "another range may begin"
    when(owner, "done")
    assert len(business.received()) == 4


def test_range_that_waits_for_a_paused_endpoint_runs_when_the_endpoint_is_resumed(owner: Owner) -> None:
    business = owner.business
    ids = delivered(owner, 2)
    owner.post("/api/pause")
    [held] = event_ids(business, 1, "held")
    begun(owner, **FOREVER)
    owner.post("/api/resume")
    assert when(owner, "done")["done"] >= 2
    assert arrived(business)[2:][:3] == [held, *ids], "held events go first"


def test_pause_ends_a_running_range_for_good(owner: Owner) -> None:
    business = owner.business
    delivered(owner, TWO_STEPS)
    business.receiver.script(business.path, Answer(200, delay_s=0.5))
    begun(owner, **FOREVER)
    business.receives(TWO_STEPS + 2)
    assert owner.post("/api/pause").json["replay"]["state"] == "ended"
    wait_until_empty(business.stack)
    sent = len(business.received())
    assert sent < 2 * TWO_STEPS
    assert owner.post("/api/resume").json["status"] == "active"
    wait_until_empty(business.stack)
    assert len(business.received()) == sent
    assert shown(owner)["state"] == "ended"


def test_range_waits_while_its_endpoint_fails_and_continues_behind_what_was_held(owner: Owner) -> None:
    business = owner.business
    first, second, third = delivered(owner, 3)
    # The first event fails three times and is passed. With the second event's second failure the endpoint is failing.
    answers_next(business, *[500] * 6, 200)
    begun(owner, **FOREVER)
    until(lambda: owner.get("/api/settings").json["status"] == "failing", SECONDS, "a failing endpoint", every=0.1)
    assert shown(owner)["state"] == "waiting"
    [held] = event_ids(business, 1, "held")
    replay = when(owner, "done")
    assert (replay["done"], replay["failed"]) == (3, 1)
    wait_until_empty(business.stack)
    assert arrived(business)[3:] == [first] * 3 + [second] * 4 + [held, third]
    assert owner.get("/api/settings").json["status"] == "active"
    assert {business.record_of(event_id)["status"] for event_id in (first, second, third)} == {"delivered"}


def test_replay_of_held_events_is_shown_while_it_runs(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    owner.post("/api/pause")
    event_ids(business, 3, "held")
    business.receiver.script(business.path, Answer(200, delay_s=0.5))
    answer = owner.post("/api/deliveries/resend", {"status": "held"})
    assert answer.json["resent"] == 3
    assert answer.json["replay"] | {"done": 0, "total": 3} == {
        "kind": "held",
        "from": None,
        "to": None,
        "done": 0,
        "failed": 0,
        "total": 3,
        "state": "running",
    }
    assert shown(owner)["kind"] == "held"
    until(lambda: shown(owner) is None, SECONDS, "its end")
    assert owner.post("/api/deliveries/resend", {"status": "held"}).json["replay"] is None


def test_range_without_events_is_done_at_once(owner: Owner) -> None:
    delivered(owner, 1)
    long_ago = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"}
    assert begun(owner, **long_ago) == {
        "kind": "range",
        "from": "2020-01-01T00:00:00.000Z",
        "to": "2020-01-01T00:00:00.000Z",
        "done": 0,
        "failed": 0,
        "total": 0,
        "state": "done",
    }
    assert begun(owner, **long_ago)["state"] == "done", "another one may begin"


@pytest.mark.parametrize(
    "body",
    [
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"},
        {"from": "2026-03-01T00:00:00Z"},
        {"to": "2026-03-01T00:00:00Z"},
        {"from": "yesterday", "to": "2026-03-01T00:00:00Z"},
        {"from": "2026-03-01", "to": "2026-03-02"},
        {"from": None, "to": None},
        FOREVER | {"status": []},
        FOREVER | {"status": ["held"]},
        FOREVER | {"status": "failed"},
        FOREVER | {"status": None},
        FOREVER | {"business_id": "b"},
        FOREVER | {"from": ["2026-03-01T00:00:00Z"]},
    ],
)
def test_range_that_is_none_is_refused(owner: Owner, body: dict[str, object]) -> None:
    owner.saves(owner.url)
    owner.post("/api/deliveries/resend", body).problem(422)
    assert shown(owner) is None


def test_range_of_a_business_without_a_url_is_refused(owner: Owner) -> None:
    owner.post("/api/deliveries/resend", FOREVER).problem(409)


def test_event_that_is_published_after_the_request_is_no_part_of_the_range(owner: Owner) -> None:
    business = owner.business
    ids = delivered(owner, 2)
    business.receiver.script(business.path, Answer(200, delay_s=0.3))
    tomorrow = (datetime.now().astimezone() + timedelta(days=1)).isoformat()
    begun(owner, **{"from": created_at(owner, ids[0]), "to": tomorrow})
    time.sleep(0.1)
    [later] = event_ids(business, 1, "delivered")
    replay = when(owner, "done")
    assert (replay["done"], replay["total"]) == (2, 2)
    wait_until_empty(business.stack)
    assert arrived(business).count(later) == 1


def test_page_begins_a_range_of_days_shows_how_far_it_is_and_ends_it(owner: Owner) -> None:
    business = owner.business
    delivered(owner, 2)
    headers = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "same-origin"}
    form_type = headers | {"Content-Type": "application/x-www-form-urlencoded"}

    def sent(fields: str) -> str:
        reply = owner.portal.send("POST", "/deliveries/resend", fields, headers=form_type)
        assert reply.status == 303, reply.body
        return reply.headers["location"]

    page = owner.portal.send("GET", "/", headers=headers).text
    assert 'id="range"' in page
    assert 'id="replay"' not in page
    for days in ("from=2026-03-02&to=2026-03-01", "from=&to=", "from=x&to=2026-03-01", ""):
        assert sent(f"status=range&{days}") == "/?said=replay-refused&open=range#range"
    assert sent("status=range&from=2020-01-01&to=2100-01-01") == "/?said=replay&count=0", "failed ones only"
    owner.post("/api/pause")
    assert sent("status=range&from=2020-01-01&to=2100-01-01&delivered=yes") == "/?said=replay&count=2"
    assert shown(owner)["from"] == "2019-12-31T22:00:00.000Z", "midnight in Israel"
    assert shown(owner)["to"] == "2100-01-01T21:59:59.999Z"
    page = owner.portal.send("GET", "/", headers=headers).text
    assert 'data-state="waiting"' in page
    assert 'id="range"' not in page, "one at a time"
    assert sent("status=failed") == "/?said=replay-under-way"
    assert owner.portal.send("POST", "/pause", "", headers=form_type).status == 303
    page = owner.portal.send("GET", "/", headers=headers).text
    assert 'data-state="ended"' in page
    assert 'id="range"' in page
    wait_until_empty(business.stack)
    assert len(business.received()) == 2


def test_page_offers_a_range_when_another_url_was_saved(owner: Owner) -> None:
    business = owner.business
    delivered(owner, 1)
    headers = {"Cookie": owner.cookie(), "Sec-Fetch-Site": "same-origin"}
    form_type = headers | {"Content-Type": "application/x-www-form-urlencoded"}
    places = []
    for url in (owner.url, business.receiver.url + business.new_path()):
        reply = owner.portal.send("POST", "/settings", f"generic_webhook_url={url}", headers=form_type)
        places.append(reply.headers["location"])
    assert places == ["/?said=saved", "/?said=saved-another"]
    page = owner.portal.send("GET", places[1], headers=headers).text
    assert '<details id="log-tools" open>' in page
    assert "לשלוח לכאן גם את השיחות מהימים האחרונים?" in page
