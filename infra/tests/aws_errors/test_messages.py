"""The topic and the queue: a notice, a delay or a replay's next message that cannot be sent."""

from collections import Counter

import pytest

from infra.fakes.aws_proxy import AwsProxy, Fault, broken, late, lost_answer, lost_request, throttled
from infra.local.processes import until
from infra.tests.business import TestBusiness
from infra.tests.conftest import Businesses
from infra.tests.logs import log_lines
from infra.tests.queues import wait_until_empty
from infra.tests.waits import SECONDS

from .ways import accepts, fault_of_each, pause, statuses

pytestmark = pytest.mark.own_stack


def test_notice_that_cannot_be_sent_is_kept_and_delays_no_delivery(
    business_for: Businesses, aws_proxy: AwsProxy
) -> None:
    businesses = business_for([broken, throttled, lost_request])
    for business in businesses.values():
        business.answers(500)
    with fault_of_each(aws_proxy, businesses, "Publish", lambda business: {"about": business.id}) as rules:
        for business in businesses.values():
            for _ in range(6):
                business.publish()
        for fault, business in businesses.items():
            until(lambda business=business: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
            until(lambda business=business: len(business.held()) >= 4, SECONDS, "held events")
            until(lambda fault=fault: rules[fault].hits > 0, SECONDS, "a notice that fails")
            assert business.health()["notices"][0]["kind"] == "failing", "the state keeps the notice until it is sent"
        for business in businesses.values():
            accepts(business)
        for business in businesses.values():
            until(lambda business=business: statuses(business) == {"delivered": 6}, SECONDS, "six delivered")
            # The notice follows the record.
            wait_until_empty(business.stack)
    for business in businesses.values():
        assert [notice["kind"] for notice in business.health()["notices"]] == ["failing", "recovered"], (
            "no notice is lost"
        )
        business.make_overdue()
        assert business.stack.sweep()["notices"] == 2
        assert "notices" not in business.health()


@pytest.mark.parametrize("fault", [broken, throttled, lost_answer], ids=["broken", "throttled", "lost_answer"])
def test_message_whose_delay_cannot_be_set_returns_after_its_visibility_timeout(
    business: TestBusiness, aws_proxy: AwsProxy, fault: Fault
) -> None:
    wait_until_empty(business.stack)
    business.answers(500, 200)
    with aws_proxy.rule(fault, "ChangeMessageVisibility"):
        business.publish()
        business.receives(2)
        until(
            lambda: any(line["message"] == "not_rescheduled" for line in log_lines(business.stack)),
            SECONDS,
            "a log line not_rescheduled",
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
    assert business.stack.sweep() == {"probes": 0, "replays": 0, "notices": 0}, "the replay is not overdue"
    business.make_overdue()
    assert business.stack.sweep()["replays"] == 1
    until(lambda: statuses(business) == {"delivered": 25}, SECONDS, "all delivered")
    wait_until_empty(business.stack)
    arrived = business.arrived()
    assert len(set(arrived)) == 25
    assert len(arrived) == 25


def test_replay_that_begins_while_other_events_arrive_sends_each_event_once(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    business.answers(500)
    for _ in range(5):
        business.publish()
    until(lambda: business.health().get("state") == "failing", SECONDS, "a failing endpoint")
    for _ in range(25):
        business.publish()
    until(lambda: len(business.held()) >= 25, SECONDS, "held events")
    failed = len(business.received())
    # While the notice is being sent, the change is unfinished, and every event that arrives may finish it.
    with aws_proxy.rule(late(1), "Publish", about=business.id) as rule:
        accepts(business)
        until(lambda: rule.hits > 0, SECONDS, "a notice that is answered late", every=0.01)
        for _ in range(6):
            business.publish()
        until(lambda: statuses(business) == {"delivered": 36}, SECONDS, "all delivered")
    wait_until_empty(business.stack)
    again = [event for event, count in Counter(business.arrived()[failed:]).items() if count > 1]
    assert again == []
