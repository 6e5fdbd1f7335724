"""The ways in which a call to AWS fails, and the calls that they are applied to."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from infra.fakes.aws_proxy import AwsProxy, Fault, Rule, broken, late, lost_answer, lost_request, throttled
from infra.fakes.receiver import Answer
from infra.tests.business import TestBusiness

READ = "BatchGetItem"
WRITE = "UpdateItem"
"""Every write of the settings, and of a record but for its first one."""
EVERY_WAY: dict[str, Fault] = {
    "broken": broken,
    "throttled": throttled,
    "request lost": lost_request,
    "answer lost": lost_answer,
    "later than the function waits": late(2),
}


@contextmanager
def every_way(
    aws_proxy: AwsProxy,
    businesses: list[TestBusiness],
    operations: str | tuple[str, ...],
    of: Callable[[TestBusiness], dict[str, Any]],
) -> Iterator[list[Rule]]:
    """Let an operation, or each of several, fail for each business in another way."""
    named = (operations,) if isinstance(operations, str) else operations
    with ExitStack() as rules:
        ways = zip(businesses, EVERY_WAY.values(), strict=True)
        yield [rules.enter_context(aws_proxy.rule(fault, *named, **of(business))) for business, fault in ways]


@contextmanager
def fault_of_each(
    aws_proxy: AwsProxy,
    businesses: dict[Fault, TestBusiness],
    operation: str,
    of: Callable[[TestBusiness], dict[str, Any]],
    **further: object,
) -> Iterator[dict[Fault, Rule]]:
    """Let an operation fail for each business by its own fault."""
    with ExitStack() as rules:
        yield {
            fault: rules.enter_context(aws_proxy.rule(fault, operation, **of(business), **further))
            for fault, business in businesses.items()
        }


def settings(business: TestBusiness) -> dict[str, Any]:
    """Give the rule for calls on this business's settings item."""
    return {"table": business.stack.outputs["SettingsTableName"], "about": business.id}


def ledger(business: TestBusiness) -> dict[str, Any]:
    """Give the rule for calls on this business's records."""
    return {"table": business.stack.outputs["DeliveriesTableName"], "about": business.id}


def statuses(business: TestBusiness) -> Counter[str]:
    """Count this business's records by their status."""
    items = business.stack.deliveries.scan(ConsistentRead=True)["Items"]
    return Counter(item["status"] for item in items if item["business_id"] == business.id)


def accepts(business: TestBusiness) -> None:
    """Let the endpoint accept every event from now on."""
    business.receiver.script(business.path, Answer(200))


def pause(business: TestBusiness) -> None:
    """Pause the endpoint, as an owner does."""
    health = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "owner"}
    business.answers(200, health=health)
