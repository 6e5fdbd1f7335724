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
    AwsProxy,
    Fault,
    Rule,
    broken,
    conflicting,
    late,
    lost_answer,
    lost_request,
    running_aws_proxy,
    throttled,
    unprocessed,
)
from infra.fakes.receiver import Answer, Receiver
from infra.local.building import build
from infra.local.processes import until
from infra.local.stack import Stack, running_stack

from .business import TestBusiness
from .conftest import LOGS, Businesses
from .logs import Confidential, log_lines
from .queues import short_visibility, wait_until_empty
from .waits import SECONDS

pytestmark = pytest.mark.own_stack

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
def aws_proxy() -> Iterator[AwsProxy]:
    """Give the proxy in front of AWS."""
    with running_aws_proxy() as running:
        yield running


@pytest.fixture(scope="module")
def fragile(aws_proxy: AwsProxy) -> Iterator[Stack]:
    """Give a stack behind the proxy, whose messages come back soon after a fault."""
    build()
    with (
        running_stack(PARAMETERS, logs=LOGS / "fragile", aws_proxy=aws_proxy) as deployed,
        short_visibility(deployed, VISIBILITY_SECONDS),
    ):
        yield deployed


@pytest.fixture
def business(fragile: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a business of that stack."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", fragile, receiver, confidential)


@pytest.fixture
def business_for(fragile: Stack, receiver: Receiver, confidential: Confidential) -> Businesses:
    """Give what makes a business of that stack for each of a test's cases."""
    return Businesses(lambda: TestBusiness(f"b-{uuid4().hex[:12]}", fragile, receiver, confidential))


@pytest.fixture
def businesses(fragile: Stack, receiver: Receiver, confidential: Confidential) -> list[TestBusiness]:
    """Give a business for each way in which a call can fail, to try them all at once."""
    return [TestBusiness(f"b-{uuid4().hex[:12]}", fragile, receiver, confidential) for _ in EVERY_WAY]


@contextmanager
def every_way(
    aws_proxy: AwsProxy, businesses: list[TestBusiness], operation: str, of: Callable[[TestBusiness], dict[str, Any]]
) -> Iterator[list[Rule]]:
    """Let an operation fail for each business in a way of its own."""
    with ExitStack() as rules:
        ways = zip(businesses, EVERY_WAY.values(), strict=True)
        yield [rules.enter_context(aws_proxy.rule(fault, operation, **of(business))) for business, fault in ways]


@contextmanager
def each_its_fault(
    aws_proxy: AwsProxy,
    businesses: dict[Fault, TestBusiness],
    operation: str,
    of: Callable[[TestBusiness], dict[str, Any]],
    **further: object,
) -> Iterator[dict[Fault, Rule]]:
    """Let an operation fail for each business by the fault that it was made for."""
    with ExitStack() as rules:
        yield {
            fault: rules.enter_context(aws_proxy.rule(fault, operation, **of(business), **further))
            for fault, business in businesses.items()
        }


def settings(business: TestBusiness) -> dict[str, Any]:
    """Name the calls on this business's settings item."""
    return {"table": business.stack.outputs["SettingsTableName"], "about": business.id}


def ledger(business: TestBusiness) -> dict[str, Any]:
    """Name the calls on this business's records."""
    return {"table": business.stack.outputs["DeliveriesTableName"], "about": business.id}


def event_ids(business: TestBusiness) -> list[str]:
    """Give the event ids of what has arrived."""
    return [request.headers["webhook-id"] for request in business.received()]


def statuses(business: TestBusiness) -> Counter[str]:
    """Count this business's records by what they say."""
    items = business.stack.deliveries.scan(ConsistentRead=True)["Items"]
    return Counter(item["status"] for item in items if item["business_id"] == business.id)


def heals(business: TestBusiness) -> None:
    """Let the endpoint accept from now on."""
    business.receiver.script(business.path, Answer(200))


def pause(business: TestBusiness) -> None:
    """Pause the endpoint, as an owner does."""
    health = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "owner"}
    business.answers(200, health=health)


def test_settings_that_cannot_be_read_delay_an_event_and_send_nothing_meanwhile(
    businesses: list[TestBusiness], aws_proxy: AwsProxy
) -> None:
    for business in businesses:
        business.answers(200)
    with every_way(aws_proxy, businesses, READ, settings):
        for business in businesses:
            business.publish()
        for business in businesses:
            business.logs(level="ERROR", message="fault")
            assert business.received() == []
    for business in businesses:
        [request] = business.receives()
        assert int(request.headers["webhook-attempt"]) > 1
    wait_until_empty(businesses[0].stack)
    assert [len(business.received()) for business in businesses] == [1] * len(businesses)


def test_settings_that_dynamodb_leaves_out_delay_an_event(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    business.answers(200)
    with aws_proxy.rule(unprocessed(business.stack.outputs["SettingsTableName"]), READ, about=business.id):
        business.publish()
        business.logs(level="ERROR", message="fault")
        assert business.received() == []
    business.receives()


def test_record_that_dynamodb_leaves_out_does_not_keep_an_event_from_its_business(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    business.answers(200)
    with aws_proxy.rule(unprocessed(business.stack.outputs["DeliveriesTableName"]), READ, about=business.id) as rule:
        business.publish()
        [request] = business.receives()
        business.recorded(request.headers["webhook-id"], "delivered")
    assert request.headers["webhook-attempt"] == "1"
    assert rule.hits == 3, "asked again twice"


def test_success_that_cannot_be_recorded_is_written_again_and_never_posted_again(
    businesses: list[TestBusiness], aws_proxy: AwsProxy
) -> None:
    for business in businesses:
        business.answers(200)
    # As long as on AWS: the write is tried for longer than the others' messages stay invisible here.
    with short_visibility(businesses[0].stack, OWN_VISIBILITY_SECONDS):
        with every_way(aws_proxy, businesses, WRITE, ledger) as rules:
            for business in businesses:
                business.publish()
            until(lambda: all(rule.hits > TRIES_OF_A_CALL for rule in rules), SECONDS, "a second write of each")
        for business in businesses:
            business.recorded(business.receives()[0].headers["webhook-id"], "delivered")
        wait_until_empty(businesses[0].stack)
    assert [len(business.received()) for business in businesses] == [1] * len(businesses)


def test_failure_that_cannot_be_recorded_is_tried_again_by_its_schedule(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    business.answers(500, 500, 200)
    with aws_proxy.rule(broken, WRITE, **ledger(business)):
        business.publish()
        requests = business.receives(3)
        assert [request.headers["webhook-attempt"] for request in requests] == ["1", "2", "3"]
    wait_until_empty(business.stack)
    assert len(business.received()) == 3


def test_event_that_cannot_be_held_stays_in_the_queue(businesses: list[TestBusiness], aws_proxy: AwsProxy) -> None:
    for business in businesses:
        pause(business)
    with every_way(aws_proxy, businesses, WRITE, ledger):
        for business in businesses:
            business.publish()
        for business in businesses:
            business.logs(level="ERROR", message="fault")
    for business in businesses:
        until(lambda business=business: len(business.held()) == 1, SECONDS, "a held event")
    wait_until_empty(businesses[0].stack)
    for business in businesses:
        business.resume()
        business.receives()
        until(lambda business=business: business.held() == [], SECONDS, "nothing held")


def test_health_that_others_write_at_the_same_time_still_counts_to_five(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    business.answers(500)
    with aws_proxy.rule(conflicting, WRITE, share=0.5, **settings(business)) as rule:
        for _ in range(8):
            business.publish()
        until(lambda: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
        until(lambda: len(business.held()) == 7, SECONDS, "seven held, and the probe")
    assert rule.hits > 0
    heals(business)
    until(lambda: statuses(business) == {"delivered": 8}, SECONDS, "eight delivered")


def test_health_that_cannot_be_written_costs_no_event(business_for: Businesses, aws_proxy: AwsProxy) -> None:
    businesses = business_for([broken, lost_answer])
    for business in businesses.values():
        business.answers(500)
    with each_its_fault(aws_proxy, businesses, WRITE, settings) as rules:
        for business in businesses.values():
            for _ in range(6):
                business.publish()
        for fault, business in businesses.items():
            # Where the state is stored without an answer, the endpoint is failing after these, and nobody else tries.
            business.receives(5 if fault is lost_answer else 12)
            assert rules[fault].hits > 0
    for business in businesses.values():
        until(lambda business=business: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
    # One call of the SDK with all its tries.
    with each_its_fault(aws_proxy, businesses, WRITE, settings, times=3):
        for business in businesses.values():
            heals(business)
        for business in businesses.values():
            # A claim that was stored without an answer holds the probe off for a minute.
            wait_until_empty(business.stack, seconds=60 + SECONDS)
    for business in businesses.values():
        if statuses(business) != {"delivered": 6}:
            # That the endpoint is well again could not be stored: the probe is restarted, and found to have arrived.
            business.make_overdue()
            assert business.stack.sweep()["probes"] == 1
        until(lambda business=business: statuses(business) == {"delivered": 6}, SECONDS, "six delivered")
        wait_until_empty(business.stack)
        assert len(set(event_ids(business))) == 6


def test_notice_that_cannot_be_sent_waits_and_deliveries_do_not(business_for: Businesses, aws_proxy: AwsProxy) -> None:
    businesses = business_for([broken, throttled, lost_request])
    for business in businesses.values():
        business.answers(500)
    with each_its_fault(aws_proxy, businesses, "Publish", lambda business: {"about": business.id}) as rules:
        for business in businesses.values():
            for _ in range(6):
                business.publish()
        for fault, business in businesses.items():
            until(lambda business=business: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
            until(lambda business=business: len(business.held()) >= 4, SECONDS, "held events")
            until(lambda fault=fault: rules[fault].hits > 0, SECONDS, "a notice that fails")
            assert business.health()["notices"][0]["kind"] == "failing", "it stands in the state until it is sent"
        for business in businesses.values():
            heals(business)
        for business in businesses.values():
            until(lambda business=business: statuses(business) == {"delivered": 6}, SECONDS, "six delivered")
            # What follows a change comes after the record.
            wait_until_empty(business.stack)
    for business in businesses.values():
        assert [notice["kind"] for notice in business.health()["notices"]] == ["failing", "recovered"], "none is lost"
        business.make_overdue()
        assert business.stack.sweep()["notices"] == 2
        assert "notices" not in business.health()


@pytest.mark.parametrize("fault", [broken, throttled, lost_answer], ids=["broken", "throttled", "lost_answer"])
def test_message_whose_delay_cannot_be_set_comes_back_by_itself(
    business: TestBusiness, aws_proxy: AwsProxy, fault: Fault
) -> None:
    wait_until_empty(business.stack)
    business.answers(500, 200)
    with aws_proxy.rule(fault, "ChangeMessageVisibility"):
        business.publish()
        business.receives(2)
        until(
            lambda: any(line["message"] == "not_rescheduled" for line in log_lines(business.stack)), SECONDS, "a line"
        )
    wait_until_empty(business.stack)
    assert len(business.received()) == 2


def test_replay_whose_next_message_could_not_be_sent_is_started_again_by_sweep(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    pause(business)
    events = [business.publish() for _ in range(25)]
    until(lambda: len(business.held()) == len(events), SECONDS, "25 held events")
    with aws_proxy.rule(broken, "SendMessage", about=business.id) as rule:
        business.resume()
        until(lambda: rule.hits >= 3, SECONDS, "a message that cannot be sent")
        wait_until_empty(business.stack)
    assert business.stack.sweep() == {"probes": 0, "replays": 0, "notices": 0}, "it is not overdue"
    business.make_overdue()
    assert business.stack.sweep()["replays"] == 1
    until(lambda: statuses(business) == {"delivered": 25}, SECONDS, "all delivered")
    wait_until_empty(business.stack)
    arrived = event_ids(business)
    assert len(set(arrived)) == 25
    assert len(arrived) == 25


def test_replay_of_which_many_hear_at_once_sends_each_event_once(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    business.answers(500)
    for _ in range(5):
        business.publish()
    until(lambda: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
    for _ in range(25):
        business.publish()
    until(lambda: len(business.held()) >= 25, SECONDS, "held events")
    failed = len(business.received())
    # While the operator is being told, the change is known to be unfinished, and whoever comes finishes it.
    with aws_proxy.rule(late(1), "Publish", about=business.id) as rule:
        heals(business)
        until(lambda: rule.hits > 0, SECONDS, "a notice that takes its time", every=0.01)
        for _ in range(6):
            business.publish()
        until(lambda: statuses(business) == {"delivered": 36}, SECONDS, "all delivered")
    wait_until_empty(business.stack)
    again = [event for event, count in Counter(event_ids(business)[failed:]).items() if count > 1]
    assert again == []


def test_delivery_asks_for_one_read_and_one_write_and_nothing_else(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    business.answers(200)
    business.publish()
    business.receives()
    wait_until_empty(business.stack)
    with aws_proxy.tally(about=business.id) as mine, aws_proxy.tally() as everything:
        for _ in range(30):
            business.publish()
        business.receives(31)
        wait_until_empty(business.stack)
    assert mine.calls == {"dynamodb.BatchGetItem": 30, "dynamodb.UpdateItem": 30}
    others = everything.calls - mine.calls
    # Of each process the first event reads the secret too.
    assert set(others) <= {"secretsmanager.GetSecretValue"}
    assert others.total() <= int(PARAMETERS["MaximumConcurrency"])


def test_delivery_that_waits_for_its_answer_tells_so_and_takes_it_back(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    business.answers(Answer(200, delay_s=1.2))
    with aws_proxy.tally(about=business.id) as mine:
        business.publish()
        business.receives()
        wait_until_empty(business.stack)
    assert mine.calls == {"dynamodb.BatchGetItem": 1, "dynamodb.UpdateItem": 3}


def test_attempts_that_wait_and_cannot_say_so_are_delivered_all_the_same(
    businesses: list[TestBusiness], aws_proxy: AwsProxy
) -> None:
    for business in businesses:
        business.answers(Answer(200, delay_s=1.2))
    with every_way(aws_proxy, businesses, WRITE, settings):
        for business in businesses:
            business.publish()
        for business in businesses:
            business.receives()
        until(
            lambda: [statuses(business) for business in businesses] == [{"delivered": 1}] * len(businesses), 10, "all"
        )
        wait_until_empty(businesses[0].stack)
    assert [len(business.received()) for business in businesses] == [1] * len(businesses)
    ids = {business.id for business in businesses}
    levels = {line["level"] for line in log_lines(businesses[0].stack) if line.get("business_id") in ids}
    assert levels <= {"INFO", "WARN", "DEBUG"}, "no fault"


def test_event_of_a_failing_endpoint_costs_what_a_delivery_does_and_no_request(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    business.answers(200)
    pause(business)
    with aws_proxy.tally(about=business.id) as mine:
        for _ in range(10):
            business.publish()
        until(lambda: len(business.held()) == 10, SECONDS, "ten held events")
        wait_until_empty(business.stack)
    assert mine.calls == {"dynamodb.BatchGetItem": 10, "dynamodb.UpdateItem": 10}
    assert business.received() == []
