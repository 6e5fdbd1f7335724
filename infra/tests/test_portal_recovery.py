"""An owner's actions while something else changes or fails: they mend the state, and break nothing."""

import re
import time

import pytest

from infra.fakes.receiver import Answer
from infra.local.processes import until

from .portal import Owner, Portal
from .queues import wait_until_empty
from .test_portal_sending import arrived, event_ids
from .waits import SECONDS

pytestmark = pytest.mark.portal


def writes_directly(owner: Owner, **attributes: object) -> None:
    """Write to the settings item as the dashboard's backend may, past the portal."""
    names = {f"#{name}": name for name in attributes}
    owner.portal.stack.settings.update_item(
        Key={"business_id": owner.id},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )


def test_what_waits_is_sent_though_the_url_was_changed_past_the_portal(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    owner.post("/api/pause")
    ids = event_ids(business, 2, "held")
    business.path = business.new_path()
    url = business.receiver.url + business.path
    writes_directly(owner, generic_webhook_url=url)
    assert business.held() == ids
    # Even by saving what is saved already: nothing but this tells the portal that the URL is another.
    assert owner.saves(url).status == 200
    until(lambda: arrived(business) == ids, SECONDS, "both at the new URL, in order")
    assert owner.get("/api/settings").json["status"] == "active"


def test_without_a_url_nothing_is_sent_again_and_nothing_is_forgotten(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, *[Answer(500)] * 4, Answer(200))
    owner.saves(owner.url)
    [failed] = event_ids(business, 1, "failed")
    owner.saves(None)
    owner.post(f"/api/deliveries/{failed}/resend").problem(409)
    owner.post("/api/deliveries/resend", {"status": "failed"}).problem(409)
    assert business.recorded(failed, "failed")
    owner.saves(owner.url)
    assert owner.post("/api/deliveries/resend", {"status": "failed"}).json["resent"] == 1
    business.recorded(failed, "delivered")


def test_what_is_tried_again_waits_for_the_next_url_when_there_is_none(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(500))
    owner.saves(owner.url)
    [event_id] = event_ids(business, 1, "retrying")
    owner.saves(None)
    business.recorded(event_id, "held")
    wait_until_empty(business.stack)
    business.path = business.new_path()
    # By the dashboard, which knows nothing of what waits: the next call finds it.
    writes_directly(owner, generic_webhook_url=business.receiver.url + business.path)
    [another] = event_ids(business, 1, "delivered")
    until(lambda: sorted(arrived(business)) == sorted([event_id, another]), SECONDS, "both")


def test_a_signing_secret_that_cannot_sign_is_mended_by_replacing_it(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    writes_directly(owner, signing_secret="whsec_short")
    assert owner.post("/api/test").status == 503
    assert owner.get("/api/signing-secret").json["signing_secret"] == "whsec_short"
    assert owner.post("/api/signing-secret/rotate").status == 200
    assert owner.post("/api/test").json["delivered"]
    assert "previous_signing_secret" not in owner.item()
    assert len(business.received()) == 1


def test_what_is_sent_again_at_a_paused_endpoint_waits_with_the_others(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    [event_id] = event_ids(business, 1, "delivered")
    owner.post("/api/pause")
    assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    business.recorded(event_id, "held")
    assert arrived(business) == [event_id]
    owner.post("/api/resume")
    until(lambda: arrived(business) == [event_id] * 2, SECONDS, "it once more")


def test_pressing_again_and_again_gives_an_event_no_second_schedule(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(500))
    owner.saves(owner.url)
    [event_id] = event_ids(business, 1, "retrying")
    for _ in range(5):
        assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    business.recorded(event_id, "failed")
    wait_until_empty(business.stack)
    assert arrived(business) == [event_id] * 4


def record(owner: Owner, event_id: str, **attributes: object) -> None:
    """Write to a record of the ledger."""
    names = {f"#{name}": name for name in attributes}
    owner.portal.stack.deliveries.update_item(
        Key={"business_id": owner.id, "event_id": event_id},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )


def test_a_replay_that_makes_no_step_does_not_hide_its_remedy(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    owner.post("/api/pause")
    ids = event_ids(business, 2, "held")
    # Its message is lost: the state says that it is under way, and no message is.
    health = business.health() | {"version": 90, "state": "active", "replay_id": 90, "replay_step": 1}
    for minutes, offered in ((1, False), (7, True)):
        health["replay_due"] = int((time.time() - minutes * 60) * 1000)
        writes_directly(owner, health=health)
        page = owner.portal.send("GET", "/", headers={"Cookie": owner.cookie()}).text
        assert ('name="status" value="held"' in page) == offered
        assert ("נשלח עכשיו, בהדרגה" in page) != offered, "nothing says that it goes on"
    assert owner.post("/api/deliveries/resend", {"status": "held"}).status == 202
    until(lambda: arrived(business) == ids, SECONDS, "both, in order")


def test_a_message_that_was_lost_is_told_and_can_be_sent_again(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(500))
    owner.saves(owner.url)
    [event_id] = event_ids(business, 1, "failed")
    business.receiver.script(business.path, Answer(200))
    told = {"Cookie": owner.cookie()}
    form = f'action="/deliveries/{event_id}/resend"'
    for minutes, overdue in ((5, False), (13, True)):
        # Its message is gone with its receives used up, and nothing has written that.
        record(owner, event_id, status="retrying", next_attempt_at=int((time.time() - minutes * 60) * 1000))
        [entry] = owner.get("/api/deliveries").json["deliveries"]
        assert (entry["status"], entry["overdue"]) == ("retrying", overdue)
        assert owner.get(f"/api/deliveries/{event_id}").json["overdue"] == overdue
        page = owner.portal.send("GET", "/", headers=told).text
        assert (form in page) == overdue
        one = owner.portal.send("GET", f"/deliveries/{event_id}", headers=told).text
        for text in (page, one):
            chip = re.search(r'class="chip [a-z]+">([^<]+)<', text)
            assert chip
            assert (chip[1] == "מנסים שוב") != overdue, "nobody tries it again"
            assert any(next_ in text for next_ in ("הבא: <time", "<dt>הניסיון הבא</dt>")) != overdue, "no next attempt"
        assert ("ממשיכים לנסות מעצמנו" in one) != overdue
    assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    business.recorded(event_id, "delivered")
    assert not owner.get(f"/api/deliveries/{event_id}").json["overdue"]


def test_no_address_is_one_that_cannot_be_read(portal: Portal) -> None:
    for query in ("a=<x>", 'a="', "a={}|^`", "a=%ff", "%", "a=\\"):
        assert portal.send("GET", f"/?{query}").status in (200, 401), query
    portal.send("GET", "/api/<x>").problem(404)


def test_the_address_of_a_form_leads_back_to_the_page(owner: Owner) -> None:
    for path in ("/test", "/settings", "/pause", "/deliveries/resend"):
        reply = owner.portal.send("GET", path, headers={"Cookie": owner.cookie()})
        assert (reply.status, reply.headers["location"]) == (303, "/")
