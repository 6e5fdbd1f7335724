"""What there is no time for in an invocation is not an attempt: it comes back soon, whatever its receive count.

The schedule's steps are hours here, so what is thrown back by one does not arrive in time, and what is given up at its
last receive never does.
"""

import json
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.aws_proxy import late
from infra.fakes.receiver import Receiver
from infra.fakes.second.stack import SecondStack
from infra.tests.business import Confidential, DeadLetters, Merchant

MAX_ATTEMPTS = 16
LATER_S = 8 * 3600
PARAMETERS = {
    "RetryScheduleSeconds": f"{LATER_S}",
    "MaxAttempts": str(MAX_ATTEMPTS),
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
}
ENOUGH_S = 8
"""An attempt's two seconds, the five that the function keeps for its own reads and writes, and one to answer."""

SOON_S = 60
"""What there was no time for comes back within so many seconds."""

ARRIVES_S = 45
RECEIVES = {"ninth": 8, "last": MAX_ATTEMPTS - 1}


@pytest.fixture
def merchants(second: SecondStack, receiver: Receiver, confidential: Confidential) -> dict[str, Merchant]:
    """Give a business for each receive count, whose endpoint is paused or not as its test needs."""
    return {name: Merchant(f"b-{uuid4().hex[:12]}", second, receiver, confidential) for name in RECEIVES}


def invoked(second: SecondStack, merchants: dict[str, Merchant], at_least: int) -> None:
    """Wait until each business's worn message has been in an invocation that has ended."""

    def ended(merchant: Merchant) -> bool:
        bodies = [
            record["body"]
            for batch in second.batches
            if batch.seconds is not None
            for record in batch.records
            if int(record["attributes"]["ApproximateReceiveCount"]) >= at_least
        ]
        return any(merchant.id in body for body in bodies)

    second.until(lambda: all(ended(merchant) for merchant in merchants.values()), "the invocations")


def delays(calls: list[dict[str, Any]]) -> list[int]:
    """Give the seconds by which calls hide or delay a message."""
    return [call.get("VisibilityTimeout", call.get("DelaySeconds", 0)) for call in calls]


def arrive(second: SecondStack, merchants: dict[str, Merchant], count: int) -> None:
    """Make sure that everything arrives, soon and once, and that nothing was given up."""
    for merchant in merchants.values():
        second.until(lambda merchant=merchant: len(merchant.received()) >= count, "the arrival", seconds=ARRIVES_S)
    second.until(second.is_idle, "the end of all work", seconds=ARRIVES_S)
    assert [len(merchant.received()) for merchant in merchants.values()] == [count] * len(merchants)


def pause(merchant: Merchant) -> None:
    """Pause the endpoint, as an owner does."""
    merchant.answers(200, health={"version": 1, "state": "paused", "since": 1762155755000, "reason": "owner"})


def held_call(second: SecondStack, merchant: Merchant) -> str:
    """Publish a call to a paused endpoint, and give its event id once it is held."""
    before = len(merchant.held())
    merchant.publish()
    second.until(lambda: len(merchant.held()) == before + 1, "a held event")
    return merchant.held()[-1]


@pytest.mark.parametrize(
    "left_s", [3, ENOUGH_S + 0.8], ids=["too_little_from_the_start", "too_little_once_it_has_read"]
)
def test_an_event_without_time_left_comes_back_soon_and_arrives(
    second: SecondStack, merchants: dict[str, Merchant], dead_letters: DeadLetters, left_s: float
) -> None:
    for merchant in merchants.values():
        merchant.answers(200)
    events = {name: merchant.call() for name, merchant in merchants.items()}
    with (
        second.proxy.watching("ChangeMessageVisibility", "SendMessage") as asked,
        second.proxy.rule(late(1), "BatchGetItem"),
        second.deliver.told(left_s),
    ):
        second.publish_worn(*((events[name], receives) for name, receives in RECEIVES.items()))
        invoked(second, merchants, at_least=9)
        assert [merchant.received() for merchant in merchants.values()] == [[], []], "there is no time for an attempt"
    assert max(delays(asked)) <= SOON_S
    assert len(asked) >= len(merchants)
    arrive(second, merchants, 1)
    assert not any(dead_letters.find(event["call_id"]) for event in events.values())
    for merchant, event in zip(merchants.values(), events.values(), strict=True):
        record = merchant.record(f"call.completed\n{merchant.id}\n{event['call_id']}")
        assert (record["status"], record["attempts"]) == ("delivered", 1)


@pytest.mark.parametrize(
    "left_s", [3, ENOUGH_S + 0.8], ids=["too_little_from_the_start", "too_little_once_it_has_read"]
)
def test_a_reference_without_time_left_comes_back_soon_and_its_event_arrives(
    second: SecondStack, merchants: dict[str, Merchant], dead_letters: DeadLetters, left_s: float
) -> None:
    commands = {}
    for name, merchant in merchants.items():
        pause(merchant)
        event_id = held_call(second, merchant)
        merchant.answers(200)
        command = {"command": "deliver", "business_id": merchant.id, "event_id": event_id}
        commands[name] = json.dumps(command, separators=(",", ":"))
    with (
        second.proxy.watching("ChangeMessageVisibility", "SendMessage") as asked,
        second.proxy.rule(late(1), "BatchGetItem", "GetItem"),
        second.deliver.told(left_s),
    ):
        second.publish_worn(*((commands[name], receives) for name, receives in RECEIVES.items()))
        invoked(second, merchants, at_least=9)
        assert [merchant.received() for merchant in merchants.values()] == [[], []], "there is no time for an attempt"
    assert max(delays(asked)) <= SOON_S
    arrive(second, merchants, 1)
    assert not any(dead_letters.find(merchant.id) for merchant in merchants.values())


@pytest.mark.parametrize(
    ("left_s", "slow"),
    [(3, "BatchGetItem"), (ENOUGH_S + 0.8, "BatchGetItem"), (ENOUGH_S + 0.8, "GetItem")],
    ids=["too_little_from_the_start", "too_little_once_it_has_read", "too_little_once_it_has_an_event"],
)
def test_a_release_without_time_left_goes_on_soon(
    second: SecondStack, merchants: dict[str, Merchant], dead_letters: DeadLetters, left_s: float, slow: str
) -> None:
    tokens = {}
    for name, merchant in merchants.items():
        pause(merchant)
        for _ in range(3):
            held_call(second, merchant)
        tokens[name] = begin_release(merchant)
    with (
        second.proxy.watching("ChangeMessageVisibility", "SendMessage") as asked,
        second.proxy.rule(late(1), slow),
        second.deliver.told(left_s),
    ):
        second.publish_worn(*((tokens[name], receives) for name, receives in RECEIVES.items()))
        invoked(second, merchants, at_least=9)
        assert [merchant.received() for merchant in merchants.values()] == [[], []], "there is no time for an attempt"
    assert max(delays(asked)) <= SOON_S
    arrive(second, merchants, 3)
    assert [merchant.held() for merchant in merchants.values()] == [[], []]
    assert not any(dead_letters.find(merchant.id) for merchant in merchants.values())


def begin_release(merchant: Merchant) -> str:
    """Store that a release has begun, and give its token without sending it."""
    with_token: list[str] = []
    publish, merchant.publish_text = merchant.publish_text, with_token.append
    try:
        merchant.resume()
    finally:
        merchant.publish_text = publish
    return with_token[0]


def test_a_deadline_that_is_over_is_no_time_at_all(second: SecondStack, merchants: dict[str, Merchant]) -> None:
    for merchant in merchants.values():
        merchant.answers(200)
    with second.deliver.told(-1):
        events = [merchant.call() for merchant in merchants.values()]
        second.publish_together(*events)
        invoked(second, merchants, at_least=1)
        assert [merchant.received() for merchant in merchants.values()] == [[], []]
    arrive(second, merchants, 1)
