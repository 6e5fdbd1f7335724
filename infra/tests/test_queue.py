"""What the queue makes of batches: neighbours, malformed events, the dead-letter queue, and settings that change."""

import json

import pytest

from infra.fakes.receiver import Answer, Manner
from infra.local import environment

from .business import DeadLetters, Merchant, publish_together, short_visibility, wait_until_empty


def test_event_that_always_fails_ends_in_the_dead_letter_queue_and_its_neighbours_do_not_notice(
    merchant: Merchant, another: Merchant, dead_letters: DeadLetters
) -> None:
    merchant.answers(Answer(manner=Manner.HANG))
    another.answers(200)
    failing = merchant.call()
    neighbours = [another.call() for _ in range(6)]
    publish_together(merchant.stack, *neighbours[:3], failing, *neighbours[3:])
    dead = dead_letters.wait(failing["call_id"])
    attempts = merchant.received()
    assert [request.headers["webhook-attempt"] for request in attempts] == ["1", "2", "3", "4"]
    assert json.loads(dead["Body"]) == failing
    assert "MessageAttributes" not in dead
    assert merchant.logs(level="ERROR")["attempt"] == 4
    arrived = another.received()
    assert {json.loads(request.body)["call_id"] for request in arrived} == {call["call_id"] for call in neighbours}
    assert len(arrived) == len(neighbours), "each neighbour once"
    assert max(request.at for request in arrived) < attempts[1].at, "no neighbour waited for the one that hung"


def test_malformed_event_is_set_aside_with_its_reason_and_its_neighbours_are_delivered(
    merchant: Merchant, dead_letters: DeadLetters
) -> None:
    merchant.answers(200)
    calls = [merchant.call() for _ in range(3)]
    poisoned = json.dumps(merchant.call())[:-40]
    publish_together(merchant.stack, calls[0], poisoned, calls[1], calls[2])
    dead = dead_letters.wait(poisoned)
    assert dead["Body"] == poisoned
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes["reason"] == "malformed"
    assert attributes["detail"]
    merchant.receives(3)
    assert len(merchant.received()) == 3


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
    merchant: Merchant, dead_letters: DeadLetters, fields: dict[str, object]
) -> None:
    merchant.answers(200)
    merchant.publish(merchant.call(**fields))
    dead = dead_letters.wait(merchant.id)
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "malformed"
    assert merchant.received() == []


def test_call_of_nearly_a_mebibyte_arrives_whole(merchant: Merchant) -> None:
    merchant.answers(200)
    event = merchant.call()
    # A Hebrew letter takes two bytes.
    event["transcript"] += "א" * 520_000
    merchant.publish_text(json.dumps(event, ensure_ascii=False))
    [request] = merchant.receives()
    assert json.loads(request.body)["transcript"] == event["transcript"]


def test_corrected_url_heals_what_is_pending(merchant: Merchant) -> None:
    merchant.answers(500)
    event = merchant.publish()
    merchant.receives()
    old, merchant.path = merchant.path, merchant.new_path()
    merchant.business = merchant.business.at(merchant.receiver.url + merchant.path)
    merchant.answers(200)
    [request] = merchant.receives()
    assert json.loads(request.body)["call_id"] == event["call_id"]
    assert int(request.headers["webhook-attempt"]) == len(merchant.received(old)) + 1


@pytest.mark.parametrize("item", [None, {}, {"generic_webhook_url": None}, {"generic_webhook_url": ""}])
def test_business_without_a_url_is_acknowledged_and_nothing_is_sent(
    merchant: Merchant, dead_letters: DeadLetters, item: dict[str, object] | None
) -> None:
    if item is not None:
        merchant.stack.settings.put_item(Item={"business_id": merchant.id} | item)
    event = merchant.publish()
    line = merchant.logs(level="INFO")
    assert "not_configured" in line.values()
    # A URL that comes later changes nothing: the event is gone from the queue.
    merchant.answers(200)
    wait_until_empty(merchant.stack)
    assert merchant.received() == []
    assert dead_letters.find(event["call_id"]) is None


def test_call_published_twice_has_one_webhook_id(merchant: Merchant) -> None:
    # Both copies are under way at the same time, so that both may be sent.
    merchant.answers(Answer(200, delay_s=1))
    event = merchant.call()
    publish_together(merchant.stack, event, event)
    requests = merchant.receives(1)
    wait_until_empty(merchant.stack)
    requests = merchant.received()
    assert len(requests) <= 2
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.body for request in requests}) == 1


@pytest.mark.parametrize("name", ["short", "long", "outbound", "no_lead"])
def test_sample_call_arrives(merchant: Merchant, name: str) -> None:
    sample = json.loads((environment.ROOT / f"events/samples/call.completed.{name}.json").read_text())
    merchant.answers(200)
    sample["business_id"] = merchant.id
    merchant.confidential.add(*(str(sample.get(field) or "") for field in ("phone", "transcript", "summary")))
    merchant.publish(sample)
    [request] = merchant.receives()
    assert json.loads(request.body)["transcript"] == sample["transcript"]


def test_settings_that_cannot_be_used_are_a_fault_of_ours_and_cost_no_request(merchant: Merchant) -> None:
    with short_visibility(merchant.stack):
        merchant.answers(200, signing_secret="whsec_short")
        merchant.publish()
        line = merchant.logs(level="ERROR")
        assert line["message"] == "fault"
        assert merchant.received() == []
        merchant.answers(200)
        [request] = merchant.receives()
    assert int(request.headers["webhook-attempt"]) > 1
