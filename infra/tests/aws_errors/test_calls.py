"""The number of calls to AWS by which an event is delivered or held."""

import pytest

from infra.fakes.aws_proxy import AwsProxy
from infra.fakes.receiver import Answer
from infra.local.processes import until
from infra.tests.business import TestBusiness
from infra.tests.logs import log_lines
from infra.tests.queues import wait_until_empty
from infra.tests.waits import SECONDS

from .conftest import MAX_CONCURRENCY
from .ways import WRITE, every_way, pause, settings, statuses

pytestmark = pytest.mark.own_stack


def test_batch_costs_one_read_and_delivery_one_write(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    business.answers(200)
    business.publish()
    business.receives()
    wait_until_empty(business.stack)
    with aws_proxy.tally(about=business.id) as mine, aws_proxy.tally() as all_calls:
        for _ in range(30):
            business.publish()
        business.receives(31)
        wait_until_empty(business.stack)
    assert mine.calls.keys() == {"dynamodb.BatchGetItem", "dynamodb.PutItem"}
    assert mine.calls["dynamodb.PutItem"] == 30
    # A batch has ten events at most.
    assert 3 <= mine.calls["dynamodb.BatchGetItem"] <= 30
    others = all_calls.calls - mine.calls
    # The first event of each process also reads the secret.
    assert set(others) <= {"secretsmanager.GetSecretValue"}
    assert others.total() <= MAX_CONCURRENCY


def test_attempt_that_takes_long_costs_two_more_writes_for_its_entry_in_the_settings(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    business.answers(Answer(200, delay_s=1.2))
    with aws_proxy.tally(about=business.id) as mine:
        business.publish()
        business.receives()
        wait_until_empty(business.stack)
    assert mine.calls == {"dynamodb.BatchGetItem": 1, "dynamodb.PutItem": 1, "dynamodb.UpdateItem": 2}


def test_attempt_whose_entry_in_the_settings_cannot_be_written_is_delivered(
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
            lambda: [statuses(business) for business in businesses] == [{"delivered": 1}] * len(businesses),
            10,
            "a delivery of each business",
        )
        wait_until_empty(businesses[0].stack)
    assert [len(business.received()) for business in businesses] == [1] * len(businesses)
    ids = {business.id for business in businesses}
    levels = {line["level"] for line in log_lines(businesses[0].stack) if line.get("business_id") in ids}
    assert levels <= {"INFO", "WARN", "DEBUG"}, "no fault is logged"


def test_event_of_a_paused_endpoint_costs_one_write_and_no_request(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    business.answers(200)
    pause(business)
    with aws_proxy.tally(about=business.id) as mine:
        for _ in range(10):
            business.publish()
        until(lambda: len(business.held()) == 10, SECONDS, "ten held events")
        wait_until_empty(business.stack)
    assert mine.calls["dynamodb.PutItem"] == 10
    assert mine.calls.keys() == {"dynamodb.BatchGetItem", "dynamodb.PutItem"}
    assert mine.calls["dynamodb.BatchGetItem"] <= 10
    assert business.received() == []
