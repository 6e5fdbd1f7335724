"""An owner's actions while another system writes the settings or messages are lost: they repair the state."""

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
    """Write to the settings item outside the portal, as the dashboard's backend may."""
    names = {f"#{name}": name for name in attributes}
    owner.portal.stack.settings.update_item(
        Key={"business_id": owner.id},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )


def test_held_events_are_sent_although_the_url_was_changed_outside_the_portal(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    owner.post("/api/pause")
    ids = event_ids(business, 2, "held")
    business.path = business.new_path()
    url = business.receiver.url + business.path
    writes_directly(owner, generic_webhook_url=url)
    assert business.held() == ids
    # Saving the stored URL again is enough, although the portal has not seen the change of the URL.
    assert owner.saves(url).status == 200
    until(lambda: arrived(business) == ids, SECONDS, "both at the new URL, in order")
    assert owner.get("/api/settings").json["status"] == "active"


def test_business_without_a_url_keeps_its_events_and_can_resend_none(owner: Owner) -> None:
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


def test_retrying_event_is_held_until_the_business_has_a_url_again(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(500))
    owner.saves(owner.url)
    [event_id] = event_ids(business, 1, "retrying")
    owner.saves(None)
    business.recorded(event_id, "held")
    wait_until_empty(business.stack)
    business.path = business.new_path()
    # The dashboard writes the URL without resuming, so the next call finds the held event.
    writes_directly(owner, generic_webhook_url=business.receiver.url + business.path)
    [another] = event_ids(business, 1, "delivered")
    until(lambda: sorted(arrived(business)) == sorted([event_id, another]), SECONDS, "both")


def test_unusable_signing_secret_is_replaced_by_a_rotation(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    writes_directly(owner, signing_secret="whsec_short")
    assert owner.post("/api/test").status == 503
    assert owner.get("/api/signing-secret").json["signing_secret"] == "whsec_short"
    assert owner.post("/api/signing-secret/rotate").status == 200
    assert owner.post("/api/test").json["delivered"]
    assert "previous_signing_secret" not in owner.item()
    assert len(business.received()) == 1


def test_resent_event_of_a_paused_endpoint_is_held(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    [event_id] = event_ids(business, 1, "delivered")
    owner.post("/api/pause")
    assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    business.recorded(event_id, "held")
    assert arrived(business) == [event_id]
    owner.post("/api/resume")
    until(lambda: arrived(business) == [event_id] * 2, SECONDS, "it once more")


def test_repeated_resend_gives_an_event_no_second_schedule(owner: Owner) -> None:
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


def test_replay_without_progress_can_be_resumed_by_the_owner(owner: Owner) -> None:
    business = owner.business
    owner.saves(owner.url)
    owner.post("/api/pause")
    ids = event_ids(business, 2, "held")
    # The replay's message is lost: the state says that the replay is under way, and the queue is empty.
    health = business.health() | {"version": 90, "state": "active", "replay_id": 90, "replay_step": 1}
    for minutes, offered in ((1, False), (7, True)):
        health["replay_due"] = int((time.time() - minutes * 60) * 1000)
        writes_directly(owner, health=health)
        page = owner.portal.send("GET", "/", headers={"Cookie": owner.cookie()}).text
        assert ('name="status" value="held"' in page) == offered
        assert ("נשלח עכשיו, בהדרגה" in page) != offered, "the page does not say that the replay continues"
    assert owner.post("/api/deliveries/resend", {"status": "held"}).status == 202
    until(lambda: arrived(business) == ids, SECONDS, "both events, in order")


def test_event_whose_message_was_lost_is_shown_as_overdue_and_can_be_resent(owner: Owner) -> None:
    business = owner.business
    business.receiver.script(business.path, Answer(500))
    owner.saves(owner.url)
    [event_id] = event_ids(business, 1, "failed")
    business.receiver.script(business.path, Answer(200))
    headers = {"Cookie": owner.cookie()}
    main_action = f'action="/deliveries/{event_id}/resend" class="actions"><button class="primary">'
    for minutes, overdue in ((5, False), (13, True)):
        # The event's message is gone after its last receive, and its record does not say so.
        record(owner, event_id, status="retrying", next_attempt_at=int((time.time() - minutes * 60) * 1000))
        [entry] = owner.get("/api/deliveries").json["deliveries"]
        assert (entry["status"], entry["overdue"]) == ("retrying", overdue)
        assert owner.get(f"/api/deliveries/{event_id}").json["overdue"] == overdue
        page = owner.portal.send("GET", "/", headers=headers).text
        one = owner.portal.send("GET", f"/deliveries/{event_id}", headers=headers).text
        assert (main_action in one) == overdue
        for text in (page, one):
            chip = re.search(r'class="chip [a-z]+">([^<]+)<', text)
            assert chip
            assert (chip[1] == "מנסים שוב") != overdue, "the page does not say that the event is tried again"
            assert any(next_ in text for next_ in ("הבא: <time", "<dt>הניסיון הבא</dt>")) != overdue, (
                "the page shows no next attempt"
            )
        assert ("ממשיכים לנסות מעצמנו" in one) != overdue
    assert owner.post(f"/api/deliveries/{event_id}/resend").status == 202
    business.recorded(event_id, "delivered")
    assert not owner.get(f"/api/deliveries/{event_id}").json["overdue"]


def test_unusual_characters_in_an_address_are_no_error(portal: Portal) -> None:
    for query in ("a=<x>", 'a="', "a={}|^`", "a=%ff", "%", "a=\\"):
        assert portal.send("GET", f"/?{query}").status in (200, 401), query
    portal.send("GET", "/api/<x>").problem(404)


def test_get_of_a_forms_address_redirects_to_the_page(owner: Owner) -> None:
    for path in ("/test", "/settings", "/pause", "/deliveries/resend"):
        reply = owner.portal.send("GET", path, headers={"Cookie": owner.cookie()})
        assert (reply.status, reply.headers["location"]) == (303, "/")
