"""The settings and the ledger: a read or a write that fails."""

import pytest

from infra.fakes.aws_proxy import RECORD_WRITES, AwsProxy, broken, conflicting, lost_answer, unprocessed
from infra.local.processes import until
from infra.tests.business import TestBusiness, event_id_of
from infra.tests.conftest import Businesses
from infra.tests.queues import short_visibility, wait_until_empty
from infra.tests.waits import SECONDS

from .ways import READ, WRITE, accepts, every_way, fault_of_each, ledger, pause, settings, statuses

pytestmark = pytest.mark.own_stack

TRIES_OF_A_CALL = 3
"""The SDK's tries of one call."""

OWN_VISIBILITY_SECONDS = 360
"""The events queue's own visibility timeout, which outlasts every invocation."""


def test_event_is_delayed_and_not_sent_while_the_settings_cannot_be_read(
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


def test_event_is_delayed_while_dynamodb_leaves_the_settings_out(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    business.answers(200)
    with aws_proxy.rule(unprocessed(business.stack.outputs["SettingsTableName"]), READ, about=business.id):
        business.publish()
        business.logs(level="ERROR", message="fault")
        assert business.received() == []
    business.receives()


def test_event_is_sent_although_dynamodb_leaves_its_record_out(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    business.answers(200)
    with aws_proxy.rule(unprocessed(business.stack.outputs["DeliveriesTableName"]), READ, about=business.id) as rule:
        business.publish()
        [request] = business.receives()
        business.recorded(request.headers["webhook-id"], "delivered")
    assert request.headers["webhook-attempt"] == "1"
    assert rule.hits == 4, "once with the batch, and three times by the delivery"


def test_record_that_dynamodb_leaves_out_is_not_written_over(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    business.answers(200)
    event = business.publish()
    event_id = event_id_of(business.receives()[0])
    before = business.recorded(event_id, "delivered")
    with aws_proxy.rule(unprocessed(business.stack.outputs["DeliveriesTableName"]), READ, about=business.id):
        business.publish(event)
        business.receives(2)
        wait_until_empty(business.stack)
    assert business.record_of(event_id) == before


def test_success_that_cannot_be_recorded_is_written_again_and_not_posted_again(
    businesses: list[TestBusiness], aws_proxy: AwsProxy
) -> None:
    for business in businesses:
        business.answers(200)
    # AWS's visibility timeout, since the function tries this write for longer than messages stay invisible here.
    with short_visibility(businesses[0].stack, OWN_VISIBILITY_SECONDS):
        with every_way(aws_proxy, businesses, RECORD_WRITES, ledger) as rules:
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
    with aws_proxy.rule(broken, *RECORD_WRITES, **ledger(business)):
        business.publish()
        requests = business.receives(3)
        assert [request.headers["webhook-attempt"] for request in requests] == ["1", "2", "3"]
    wait_until_empty(business.stack)
    assert len(business.received()) == 3


def test_event_that_cannot_be_held_stays_in_the_queue(businesses: list[TestBusiness], aws_proxy: AwsProxy) -> None:
    for business in businesses:
        pause(business)
    with every_way(aws_proxy, businesses, RECORD_WRITES, ledger):
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


def test_five_failures_make_an_endpoint_failing_although_writes_of_its_health_conflict(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    business.answers(500)
    with aws_proxy.rule(conflicting, WRITE, share=0.5, **settings(business)) as rule:
        for _ in range(8):
            business.publish()
        until(lambda: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
        until(lambda: len(business.held()) == 7, SECONDS, "seven held events beside the probe")
    assert rule.hits > 0
    accepts(business)
    until(lambda: statuses(business) == {"delivered": 8}, SECONDS, "eight delivered")


def test_no_event_is_lost_while_the_health_cannot_be_written(business_for: Businesses, aws_proxy: AwsProxy) -> None:
    businesses = business_for([broken, lost_answer])
    for business in businesses.values():
        business.answers(500)
    with fault_of_each(aws_proxy, businesses, WRITE, settings) as rules:
        for business in businesses.values():
            for _ in range(6):
                business.publish()
        for fault, business in businesses.items():
            # If only the answer is lost, the state is stored: the endpoint is failing after five attempts.
            business.receives(5 if fault is lost_answer else 12)
            assert rules[fault].hits > 0
    for business in businesses.values():
        until(lambda business=business: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
    # All tries of one call of the SDK fail.
    with fault_of_each(aws_proxy, businesses, WRITE, settings, times=3):
        for business in businesses.values():
            accepts(business)
        for business in businesses.values():
            # A claim whose answer was lost delays the probe by a minute.
            wait_until_empty(business.stack, seconds=60 + SECONDS)
    for business in businesses.values():
        if statuses(business) != {"delivered": 6}:
            # The recovery could not be stored, so `sweep` restarts the probe, which turns out to have arrived.
            business.make_overdue()
            assert business.stack.sweep()["probes"] == 1
        until(lambda business=business: statuses(business) == {"delivered": 6}, SECONDS, "six delivered")
        wait_until_empty(business.stack)
        assert len(set(business.arrived())) == 6
