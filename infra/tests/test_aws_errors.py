"""A ledger, a queue or a topic that is down or throttled: what it costs an event, which is never the event.

The function reaches AWS through a proxy that breaks one operation for one business at a time. The last tests count what
a delivery asks of AWS.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.aws_proxy import (
    Fault,
    Faults,
    Rule,
    broken,
    conflicting,
    late,
    lost_answer,
    lost_request,
    running_faults,
    throttled,
    unprocessed,
)
from infra.fakes.receiver import Answer, Receiver
from infra.local.processes import until
from infra.local.stack import Stack, build, running_stack

from .business import SECONDS, Confidential, Merchant, log_lines, short_visibility, wait_until_empty
from .conftest import LOGS

PARAMETERS = {
    "RetryScheduleSeconds": "1,1,2",
    "MaxAttempts": "30",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
    "LogLevel": "DEBUG",
}
READ = "BatchGetItem"
WRITE = "UpdateItem"
EVERY_WAY: dict[str, Fault] = {
    "broken": broken,
    "throttled": throttled,
    "request lost": lost_request,
    "answer lost": lost_answer,
    "later than the function waits": late(2),
}
TRIES_OF_A_CALL = 3
"""So often the SDK tries one call."""

OWN_VISIBILITY_SECONDS = 360
"""The events queue's own, which outlasts every invocation."""

VISIBILITY_SECONDS = 6
"""Longer than the function tries one call: a message that comes back sooner is at work twice."""


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    """Give the proxy in front of AWS."""
    with running_faults() as running:
        yield running


@pytest.fixture(scope="module")
def fragile(faults: Faults) -> Iterator[Stack]:
    """Give a stack behind the proxy, whose messages come back soon after a fault."""
    build()
    with (
        running_stack(PARAMETERS, logs=LOGS / "fragile", faults=faults) as deployed,
        short_visibility(deployed, VISIBILITY_SECONDS),
    ):
        yield deployed


@pytest.fixture
def merchant(fragile: Stack, receiver: Receiver, confidential: Confidential) -> Merchant:
    """Give a business of that stack."""
    return Merchant(f"b-{uuid4().hex[:12]}", fragile, receiver, confidential)


@pytest.fixture
def merchants(fragile: Stack, receiver: Receiver, confidential: Confidential) -> list[Merchant]:
    """Give a business for each way in which a call can fail, to try them all at once."""
    return [Merchant(f"b-{uuid4().hex[:12]}", fragile, receiver, confidential) for _ in EVERY_WAY]


@contextmanager
def every_way(
    faults: Faults, merchants: list[Merchant], operation: str, of: Callable[[Merchant], dict[str, Any]]
) -> Iterator[list[Rule]]:
    """Let an operation fail for each business in a way of its own."""
    with ExitStack() as rules:
        ways = zip(merchants, EVERY_WAY.values(), strict=True)
        yield [rules.enter_context(faults.rule(fault, operation, **of(merchant))) for merchant, fault in ways]


def settings(merchant: Merchant) -> dict[str, Any]:
    """Name the calls on this business's settings item."""
    return {"table": merchant.stack.outputs["SettingsTableName"], "about": merchant.id}


def ledger(merchant: Merchant) -> dict[str, Any]:
    """Name the calls on this business's records."""
    return {"table": merchant.stack.outputs["DeliveriesTableName"], "about": merchant.id}


def event_ids(merchant: Merchant) -> list[str]:
    """Give the event ids of what has arrived."""
    return [request.headers["webhook-id"] for request in merchant.received()]


def statuses(merchant: Merchant) -> Counter[str]:
    """Count this business's records by what they say."""
    items = merchant.stack.deliveries.scan(ConsistentRead=True)["Items"]
    return Counter(item["status"] for item in items if item["business_id"] == merchant.id)


def heals(merchant: Merchant) -> None:
    """Let the endpoint accept from now on."""
    merchant.receiver.script(merchant.path, Answer(200))


def pause(merchant: Merchant) -> None:
    """Pause the endpoint, as an owner does."""
    health = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "owner"}
    merchant.answers(200, health=health)


def test_settings_that_cannot_be_read_delay_an_event_and_send_nothing_meanwhile(
    merchants: list[Merchant], faults: Faults
) -> None:
    for merchant in merchants:
        merchant.answers(200)
    with every_way(faults, merchants, READ, settings):
        for merchant in merchants:
            merchant.publish()
        for merchant in merchants:
            merchant.logs(level="ERROR", message="fault")
            assert merchant.received() == []
    for merchant in merchants:
        [request] = merchant.receives()
        assert int(request.headers["webhook-attempt"]) > 1
    wait_until_empty(merchants[0].stack)
    assert [len(merchant.received()) for merchant in merchants] == [1] * len(merchants)


def test_settings_that_dynamodb_leaves_out_delay_an_event(merchant: Merchant, faults: Faults) -> None:
    merchant.answers(200)
    with faults.rule(unprocessed(merchant.stack.outputs["SettingsTableName"]), READ, about=merchant.id):
        merchant.publish()
        merchant.logs(level="ERROR", message="fault")
        assert merchant.received() == []
    merchant.receives()


def test_record_that_dynamodb_leaves_out_does_not_keep_an_event_from_its_business(
    merchant: Merchant, faults: Faults
) -> None:
    merchant.answers(200)
    with faults.rule(unprocessed(merchant.stack.outputs["DeliveriesTableName"]), READ, about=merchant.id) as rule:
        merchant.publish()
        [request] = merchant.receives()
        merchant.recorded(request.headers["webhook-id"], "delivered")
    assert request.headers["webhook-attempt"] == "1"
    assert rule.hits == 3, "asked again twice"


def test_success_that_cannot_be_recorded_is_written_again_and_never_posted_again(
    merchants: list[Merchant], faults: Faults
) -> None:
    for merchant in merchants:
        merchant.answers(200)
    # As long as on AWS: the write is tried for longer than the others' messages stay invisible here.
    with short_visibility(merchants[0].stack, OWN_VISIBILITY_SECONDS):
        with every_way(faults, merchants, WRITE, ledger) as rules:
            for merchant in merchants:
                merchant.publish()
            until(lambda: all(rule.hits > TRIES_OF_A_CALL for rule in rules), SECONDS, "a second write of each")
        for merchant in merchants:
            merchant.recorded(merchant.receives()[0].headers["webhook-id"], "delivered")
        wait_until_empty(merchants[0].stack)
    assert [len(merchant.received()) for merchant in merchants] == [1] * len(merchants)


def test_failure_that_cannot_be_recorded_is_tried_again_by_its_schedule(merchant: Merchant, faults: Faults) -> None:
    merchant.answers(500, 500, 200)
    with faults.rule(broken, WRITE, **ledger(merchant)):
        merchant.publish()
        requests = merchant.receives(3)
        assert [request.headers["webhook-attempt"] for request in requests] == ["1", "2", "3"]
    wait_until_empty(merchant.stack)
    assert len(merchant.received()) == 3


def test_event_that_cannot_be_held_stays_in_the_queue(merchants: list[Merchant], faults: Faults) -> None:
    for merchant in merchants:
        pause(merchant)
    with every_way(faults, merchants, WRITE, ledger):
        for merchant in merchants:
            merchant.publish()
        for merchant in merchants:
            merchant.logs(level="ERROR", message="fault")
    for merchant in merchants:
        until(lambda merchant=merchant: len(merchant.held()) == 1, SECONDS, "a held event")
    wait_until_empty(merchants[0].stack)
    for merchant in merchants:
        merchant.resume()
        merchant.receives()
        until(lambda merchant=merchant: merchant.held() == [], SECONDS, "nothing held")


def test_health_that_others_write_at_the_same_time_still_counts_to_five(merchant: Merchant, faults: Faults) -> None:
    merchant.answers(500)
    with faults.rule(conflicting, WRITE, share=0.5, **settings(merchant)) as rule:
        for _ in range(8):
            merchant.publish()
        until(lambda: merchant.health().get("state") == "failing", SECONDS, "a failing endpoint")
        until(lambda: len(merchant.held()) == 7, SECONDS, "seven held, and the pilot")
    assert rule.hits > 0
    heals(merchant)
    until(lambda: statuses(merchant) == {"delivered": 8}, SECONDS, "eight delivered")


@pytest.mark.parametrize("fault", [broken, lost_answer], ids=["broken", "lost_answer"])
def test_health_that_cannot_be_written_costs_no_event(merchant: Merchant, faults: Faults, fault: Fault) -> None:
    merchant.answers(500)
    with faults.rule(fault, WRITE, **settings(merchant)) as rule:
        for _ in range(6):
            merchant.publish()
        merchant.receives(12)
        assert rule.hits > 0
    until(lambda: merchant.health().get("state") == "failing", SECONDS, "a failing endpoint")
    with faults.rule(fault, WRITE, times=6, **settings(merchant)):
        heals(merchant)
        until(lambda: statuses(merchant) == {"delivered": 6}, SECONDS, "six delivered")
    wait_until_empty(merchant.stack)
    assert len(set(event_ids(merchant))) == 6


@pytest.mark.parametrize("fault", [broken, throttled, lost_request], ids=["broken", "throttled", "lost_request"])
def test_notice_that_cannot_be_sent_waits_and_deliveries_do_not(
    merchant: Merchant, faults: Faults, fault: Fault
) -> None:
    merchant.answers(500)
    with faults.rule(fault, "Publish", about=merchant.id) as rule:
        for _ in range(6):
            merchant.publish()
        until(lambda: merchant.health().get("state") == "failing", SECONDS, "a failing endpoint")
        until(lambda: len(merchant.held()) >= 4, SECONDS, "held events")
        until(lambda: rule.hits > 0, SECONDS, "a notice that fails")
        assert merchant.health()["notice"] == "failing", "it stands in the state until it is sent"
        heals(merchant)
        until(lambda: statuses(merchant) == {"delivered": 6}, SECONDS, "six delivered")
    merchant.logs(message="endpoint_recovered")
    wait_until_empty(merchant.stack)


@pytest.mark.parametrize("fault", [broken, throttled, lost_answer], ids=["broken", "throttled", "lost_answer"])
def test_message_whose_delay_cannot_be_set_comes_back_by_itself(
    merchant: Merchant, faults: Faults, fault: Fault
) -> None:
    wait_until_empty(merchant.stack)
    merchant.answers(500, 200)
    with faults.rule(fault, "ChangeMessageVisibility"):
        merchant.publish()
        merchant.receives(2)
        until(
            lambda: any(line["message"] == "not_rescheduled" for line in log_lines(merchant.stack)), SECONDS, "a line"
        )
    wait_until_empty(merchant.stack)
    assert len(merchant.received()) == 2


def test_release_goes_on_after_its_token_could_not_be_sent(merchant: Merchant, faults: Faults) -> None:
    pause(merchant)
    events = [merchant.publish() for _ in range(25)]
    until(lambda: len(merchant.held()) == len(events), SECONDS, "25 held events")
    with faults.rule(broken, "SendMessage", about=merchant.id) as rule:
        merchant.resume()
        until(lambda: rule.hits >= 3, SECONDS, "a token that cannot be sent")
    until(lambda: statuses(merchant) == {"delivered": 25}, SECONDS, "all delivered")
    wait_until_empty(merchant.stack)
    arrived = event_ids(merchant)
    assert len(set(arrived)) == 25
    assert len(arrived) == 25


def test_release_of_which_many_hear_at_once_sends_each_event_once(merchant: Merchant, faults: Faults) -> None:
    merchant.answers(500)
    for _ in range(5):
        merchant.publish()
    until(lambda: merchant.health().get("state") == "failing", SECONDS, "a failing endpoint")
    for _ in range(25):
        merchant.publish()
    until(lambda: len(merchant.held()) >= 25, SECONDS, "held events")
    failed = len(merchant.received())
    # While the operator is being told, the change is known to be unfinished, and whoever comes finishes it.
    with faults.rule(late(1), "Publish", about=merchant.id) as rule:
        heals(merchant)
        until(lambda: rule.hits > 0, SECONDS, "a notice that takes its time", every=0.01)
        for _ in range(6):
            merchant.publish()
        until(lambda: statuses(merchant) == {"delivered": 36}, SECONDS, "all delivered")
    wait_until_empty(merchant.stack)
    again = [event for event, count in Counter(event_ids(merchant)[failed:]).items() if count > 1]
    assert again == []


def test_delivery_asks_for_one_read_and_one_write_and_nothing_else(merchant: Merchant, faults: Faults) -> None:
    merchant.answers(200)
    merchant.publish()
    merchant.receives()
    wait_until_empty(merchant.stack)
    with faults.tally(about=merchant.id) as mine, faults.tally() as everything:
        for _ in range(30):
            merchant.publish()
        merchant.receives(31)
        wait_until_empty(merchant.stack)
    assert mine.calls == {"dynamodb.BatchGetItem": 30, "dynamodb.UpdateItem": 30}
    others = everything.calls - mine.calls
    # Of each process the first event reads the secret too.
    assert set(others) <= {"secretsmanager.GetSecretValue"}
    assert others.total() <= int(PARAMETERS["MaximumConcurrency"])


def test_delivery_that_waits_for_its_answer_tells_so_and_takes_it_back(merchant: Merchant, faults: Faults) -> None:
    merchant.answers(Answer(200, delay_s=1.2))
    with faults.tally(about=merchant.id) as mine:
        merchant.publish()
        merchant.receives()
        wait_until_empty(merchant.stack)
    assert mine.calls == {"dynamodb.BatchGetItem": 1, "dynamodb.UpdateItem": 3}


def test_attempts_that_wait_and_cannot_say_so_are_delivered_all_the_same(
    merchants: list[Merchant], faults: Faults
) -> None:
    for merchant in merchants:
        merchant.answers(Answer(200, delay_s=1.2))
    with every_way(faults, merchants, WRITE, settings):
        for merchant in merchants:
            merchant.publish()
        for merchant in merchants:
            merchant.receives()
        until(lambda: [statuses(merchant) for merchant in merchants] == [{"delivered": 1}] * len(merchants), 10, "all")
        wait_until_empty(merchants[0].stack)
    assert [len(merchant.received()) for merchant in merchants] == [1] * len(merchants)
    ids = {merchant.id for merchant in merchants}
    levels = {line["level"] for line in log_lines(merchants[0].stack) if line.get("business_id") in ids}
    assert levels <= {"INFO", "WARN", "DEBUG"}, "no fault"


def test_event_of_a_failing_endpoint_costs_one_more_read_and_no_request(merchant: Merchant, faults: Faults) -> None:
    merchant.answers(200)
    pause(merchant)
    with faults.tally(about=merchant.id) as mine:
        for _ in range(10):
            merchant.publish()
        until(lambda: len(merchant.held()) == 10, SECONDS, "ten held events")
        wait_until_empty(merchant.stack)
    assert mine.calls == {"dynamodb.BatchGetItem": 20, "dynamodb.UpdateItem": 10}
    assert merchant.received() == []
