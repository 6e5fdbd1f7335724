"""Events from the queue: neighbours in a batch, malformed events, the dead-letter queue, and settings that change."""

import json
import time
from datetime import datetime

import pytest

from infra.fakes.receiver import Answer, Manner
from infra.local import environment
from infra.local.processes import until

from .business import TestBusiness
from .queues import DeadLetters, publish_together, short_visibility, wait_until_empty
from .waits import SECONDS

MAX_IN_FLIGHT = 5
"""The attempts that may be in flight at one endpoint, and the failures in a row that make an endpoint failing."""


def test_event_that_always_fails_is_dead_lettered_and_delays_no_neighbour(
    business: TestBusiness, another: TestBusiness, dead_letters: DeadLetters
) -> None:
    business.answers(Answer(manner=Manner.HANG))
    another.answers(200)
    failing = business.call()
    neighbours = [another.call() for _ in range(6)]
    publish_together(business.stack, *neighbours[:3], failing, *neighbours[3:])
    dead = dead_letters.wait(failing["call_id"])
    attempts = business.received()
    assert [request.headers["webhook-attempt"] for request in attempts] == ["1", "2", "3", "4"]
    assert json.loads(dead["Body"]) == failing
    assert "MessageAttributes" not in dead
    assert business.logs(level="ERROR")["attempt"] == 4
    arrived = another.received()
    assert {json.loads(request.body)["call_id"] for request in arrived} == {call["call_id"] for call in neighbours}
    assert len(arrived) == len(neighbours), "each neighbour arrives once"
    assert max(request.at for request in arrived) < attempts[1].at, "no neighbour waited for the event that hung"


def test_malformed_event_is_set_aside_with_its_reason_and_its_neighbours_are_delivered(
    business: TestBusiness, dead_letters: DeadLetters
) -> None:
    business.answers(200)
    calls = [business.call() for _ in range(3)]
    poisoned = json.dumps(business.call())[:-40]
    publish_together(business.stack, calls[0], poisoned, calls[1], calls[2])
    dead = dead_letters.wait(poisoned)
    assert dead["Body"] == poisoned
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes["reason"] == "malformed"
    assert attributes["detail"]
    business.receives(3)
    assert len(business.received()) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"call_id": None},
        {"call_id": 1.5},
        {"event_type": "Call"},
        {"event_type": f"call.{'x' * 124}"},
    ],
)
def test_event_without_a_required_field_that_can_be_read_is_malformed(
    business: TestBusiness, dead_letters: DeadLetters, fields: dict[str, object]
) -> None:
    business.answers(200)
    business.publish(business.call(**fields))
    dead = dead_letters.wait(business.id)
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "malformed"
    assert business.received() == []


def test_call_of_nearly_a_mebibyte_arrives_whole(business: TestBusiness) -> None:
    business.answers(200)
    event = business.call()
    # A Hebrew letter takes two bytes.
    event["transcript"] += "א" * 520_000
    business.publish_text(json.dumps(event, ensure_ascii=False))
    [request] = business.receives()
    assert json.loads(request.body)["transcript"] == event["transcript"]


def test_pending_event_is_sent_to_the_corrected_url(business: TestBusiness) -> None:
    business.answers(500)
    event = business.publish()
    business.receives()
    old, business.path = business.path, business.new_path()
    business.settings = business.settings.at(business.receiver.url + business.path)
    business.answers(200)
    [request] = business.receives()
    assert json.loads(request.body)["call_id"] == event["call_id"]
    assert int(request.headers["webhook-attempt"]) == len(business.received(old)) + 1


@pytest.mark.parametrize("item", [None, {}, {"generic_webhook_url": None}, {"generic_webhook_url": ""}])
def test_business_without_a_url_is_acknowledged_and_nothing_is_sent(
    business: TestBusiness, dead_letters: DeadLetters, item: dict[str, object] | None
) -> None:
    if item is not None:
        business.stack.settings.put_item(Item={"business_id": business.id} | item)
    event = business.publish()
    line = business.logs(level="INFO")
    assert "not_configured" in line.values()
    # A later URL changes nothing, since the event is no longer in the queue.
    business.answers(200)
    wait_until_empty(business.stack)
    assert business.received() == []
    assert dead_letters.find(event["call_id"]) is None


def test_call_published_twice_has_one_webhook_id(business: TestBusiness) -> None:
    # Both copies are in flight at the same time, so both may be sent.
    business.answers(Answer(200, delay_s=1))
    event = business.call()
    publish_together(business.stack, event, event)
    requests = business.receives(1)
    wait_until_empty(business.stack)
    requests = business.received()
    assert len(requests) <= 2
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.body for request in requests}) == 1


@pytest.mark.parametrize("name", ["short", "long", "outbound", "no_lead"])
def test_sample_call_arrives(business: TestBusiness, name: str) -> None:
    sample = json.loads((environment.ROOT / f"events/samples/call.completed.{name}.json").read_text())
    business.answers(200)
    sample["business_id"] = business.id
    business.confidential.add(*(str(sample.get(field) or "") for field in ("phone", "transcript", "summary")))
    business.publish(sample)
    [request] = business.receives()
    assert json.loads(request.body)["transcript"] == sample["transcript"]


def test_settings_that_cannot_be_used_are_a_fault_of_ours_and_cost_no_request(business: TestBusiness) -> None:
    with short_visibility(business.stack):
        business.answers(200, signing_secret="whsec_short")
        business.publish()
        line = business.logs(level="ERROR")
        assert line["message"] == "fault"
        assert business.received() == []
        business.answers(200)
        [request] = business.receives()
    assert int(request.headers["webhook-attempt"]) > 1


def test_event_at_an_endpoint_at_capacity_is_sent_anew_at_its_last_receive(
    business: TestBusiness, dead_letters: DeadLetters
) -> None:
    business.answers(200, in_flight={int((time.time() + 55 + number) * 1_000_000) for number in range(MAX_IN_FLIGHT)})
    event = business.publish()
    published = time.time()
    # The message returns three times, which takes half a minute, and is then sent anew.
    for attempt in range(1, 5):
        business.logs(message="at_capacity", attempt=attempt)
    business.answers(200)
    [request] = business.receives()
    assert request.headers["webhook-attempt"] == "1"
    record = business.recorded(request.headers["webhook-id"], "delivered")
    occurred = datetime.fromisoformat(record["created_at"].replace("Z", "+00:00")).timestamp()
    assert abs(occurred - published) < 3, "the event keeps the time of its first message"
    assert dead_letters.find(event["call_id"]) is None


def test_spent_probe_pauses_the_endpoint_and_goes_to_the_dead_letter_queue(
    business: TestBusiness, dead_letters: DeadLetters
) -> None:
    business.answers(500)
    first = [business.publish() for _ in range(MAX_IN_FLIGHT)]
    until(lambda: business.health().get("state") == "paused", SECONDS, "a paused endpoint")
    assert business.health()["reason"] == "spent"
    spent = until(lambda: [e for e in first if _status(business, e["call_id"]) == "failed"], SECONDS, "a failed event")
    dead_letters.wait(spent[0]["call_id"])
    later = business.publish()
    until(lambda: _status(business, later["call_id"]) == "held", SECONDS, "a held event")


def _status(business: TestBusiness, call_id: str) -> str | None:
    record = business.record(f"call.completed\n{business.id}\n{call_id}")
    return record.get("status") if record else None
