"""`sweep` restarts a lost probe or replay, sends a failed notice, and has events sent that nothing else would send.

In these tests no further event is published and no owner acts, so every event that arrives does so by `sweep` alone.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.fakes.aws_proxy import broken
from infra.fakes.receiver import Answer
from infra.fakes.second.stack import SecondStack
from infra.tests.business import TestBusiness
from infra.tests.logs import json_lines
from infra.tests.notices import Notices

pytestmark = pytest.mark.second

PARAMETERS = {
    "RetryScheduleSeconds": "3600",
    "MaxAttempts": "4",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
    "LogLevel": "DEBUG",
}
FAILURES = 5
NOTHING = {"probes": 0, "replays": 0, "notices": 0}


def fail(business: TestBusiness, second: SecondStack, held: int) -> list[str]:
    """Make an endpoint fail until its probe waits an hour and so many events are held, and give these in order."""
    business.answers(500)
    second.publish_together(*(business.call() for _ in range(FAILURES)))
    second.until(lambda: business.health().get("state") == "failing", "a failing endpoint")
    second.until(lambda: len(business.received()) == FAILURES, "five attempts")
    for _ in range(held):
        business.publish()
    second.until(lambda: len(business.held()) == held, "held events")
    second.until(lambda: second.counts()["visible"] == 0, "no visible message")
    return business.held()


def lose_messages(business: TestBusiness, second: SecondStack) -> None:
    """Delete a business's messages from the queue, as an outage or an operator may."""
    second.until(lambda: all(batch.seconds is not None for batch in second.batches), "the end of all invocations")
    records = [record for batch in second.batches for record in batch.records if business.id in record["body"]]
    for record in records:
        second.queue.delete_message(QueueUrl=second.events_url, ReceiptHandle=record["receiptHandle"])
    second.until(second.is_idle, "an empty queue")


def item(business: TestBusiness) -> dict[str, Any]:
    """Give the whole settings item of a business."""
    return business.stack.settings.get_item(Key={"business_id": business.id}, ConsistentRead=True)["Item"]


def test_sweep_of_a_healthy_stack_finds_and_writes_nothing(business: TestBusiness, second: SecondStack) -> None:
    business.answers(200)
    business.publish()
    business.receives(1)
    second.until(second.is_idle, "the end of all work")
    with second.proxy.tally() as tally:
        assert second.sweep() == NOTHING
    assert set(tally.calls) == {"dynamodb.Query", "dynamodb.GetItem", "dynamodb.Scan"}
    assert tally.calls.total() == 3, "one read of each index, and one of the place where sweep continues"
    assert "unwell" not in item(business)


def test_probe_whose_message_is_lost_is_restarted_and_held_events_follow(
    business: TestBusiness, second: SecondStack
) -> None:
    held = fail(business, second, 3)
    assert item(business)["due_at"] == business.health()["probe_due"]
    probe, before = business.health()["probe"], len(business.received())
    lose_messages(business, second)
    business.receiver.script(business.path, Answer(200))
    assert second.sweep() == NOTHING, "the probe is not overdue"
    business.make_overdue(minutes=90)
    assert second.sweep() == {"probes": 1, "replays": 0, "notices": 0}
    assert second.sweep() == NOTHING, "the probe is restarted once"
    second.until(lambda: business.held() == [] and second.is_idle(), "nothing held")
    assert business.arrived()[before:] == [probe, *held]
    second.until(lambda: "unwell" not in item(business), "the end of the replay")


def test_first_held_event_replaces_a_probe_whose_record_is_gone(business: TestBusiness, second: SecondStack) -> None:
    held = fail(business, second, 2)
    before = len(business.received())
    lose_messages(business, second)
    second.deliveries.delete_item(Key={"business_id": business.id, "event_id": business.health()["probe"]})
    business.receiver.script(business.path, Answer(200))
    business.make_overdue(minutes=90)
    assert second.sweep()["probes"] == 1
    second.until(lambda: business.held() == [] and second.is_idle(), "nothing held")
    assert business.arrived()[before:] == held


def test_held_events_are_sent_after_another_system_has_deleted_the_state(
    business: TestBusiness, second: SecondStack
) -> None:
    held = fail(business, second, 3)
    before = len(business.received())
    lose_messages(business, second)
    business.receiver.script(business.path, Answer(200))
    url = item(business)["generic_webhook_url"]
    second.settings.put_item(Item={"business_id": business.id, "generic_webhook_url": url})
    assert second.sweep() == {"probes": 0, "replays": 1, "notices": 0}
    second.until(lambda: business.held() == [] and second.is_idle(), "nothing held")
    assert business.arrived()[before:] == held


def test_notices_that_could_not_be_sent_are_sent_by_sweep(
    business: TestBusiness, second: SecondStack, notices: Notices
) -> None:
    business.answers(410, 200)
    with second.proxy.rule(broken, "Publish", about=business.id):
        business.publish()
        second.until(lambda: len(business.held()) == 1 and second.is_idle(), "a held event")
        business.resume()
        second.until(lambda: business.held() == [] and second.is_idle(), "the end of the replay")
        health = business.health() | {"version": business.health()["version"] + 1}
        paused = {"kind": "paused", "since": 1762155755000, "cause": "gone", "at": 1762155755000}
        recovered = paused | {"kind": "recovered", "at": 1762155756000}
        second.settings.update_item(
            Key={"business_id": business.id},
            UpdateExpression="SET health = :health",
            ExpressionAttributeValues={":health": health | {"notices": [paused, recovered]}},
        )
        business.make_overdue()
        assert second.sweep() == NOTHING, "the topic still refuses notices"
    assert second.sweep() == {"probes": 0, "replays": 0, "notices": 2}
    assert notices.wait(business, "paused")["cause"] == "gone"
    assert notices.wait(business, "recovered")["since"] == "2025-11-03T07:42:35Z"
    assert "notices" not in business.health()


def test_two_sweeps_at_once_start_nothing_twice(business: TestBusiness, second: SecondStack) -> None:
    business.answers(200, health={"version": 1, "state": "paused", "since": 1762155755000, "reason": "spent"})
    for _ in range(3):
        business.publish()
    second.until(lambda: len(business.held()) == 3 and second.is_idle(), "held events")
    second.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET health = :health",
        ExpressionAttributeValues={":health": {"version": 2, "state": "active"}},
    )
    held = business.held()
    with second.mapping.paused(), ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: second.sweep(), range(4)))
    assert sum(answer["replays"] for answer in answers) == 1
    second.until(lambda: business.held() == [] and second.is_idle(), "nothing held")
    assert business.arrived() == held


def test_unreadable_state_of_one_business_keeps_sweep_from_no_other(
    business: TestBusiness, another: TestBusiness, second: SecondStack
) -> None:
    for each in (business, another):
        each.answers(200, health={"version": 1, "state": "paused", "since": 1762155755000, "reason": "spent"})
        each.publish()
        second.until(lambda each=each: len(each.held()) == 1 and second.is_idle(), "a held event")
        second.settings.update_item(
            Key={"business_id": each.id},
            UpdateExpression="SET health = :health",
            ExpressionAttributeValues={":health": {"version": 2, "state": "active"} if each is another else "odd"},
        )
    assert second.sweep()["replays"] == 1
    second.until(lambda: another.held() == [] and second.is_idle(), "nothing held")
    lines = json_lines(second.sweep_log())
    faults = [line for line in lines if line["level"] == "ERROR" and line["business_id"] == business.id]
    assert len(faults) == 1
    assert business.received() == []
    assert json.dumps(lines).count("http") == 0
