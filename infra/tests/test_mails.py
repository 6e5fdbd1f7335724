"""Mails to owners: what is mailed when, how often, and what is not.

The tests have a stack of their own, which sends mails, and a proxy before AWS, by which SES fails. The mails are those
that MiniStack's SES has taken.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.aws_proxy import AwsProxy, broken, running_aws_proxy
from infra.fakes.receiver import Answer, Receiver
from infra.local.building import build
from infra.local.mailbox import Mail, mails, verify
from infra.local.processes import until
from infra.local.stack import Stack, running_stack

from .business import TestBusiness
from .conftest import LOGS
from .logs import Confidential, json_lines
from .queues import DeadLetters
from .waits import SECONDS

pytestmark = [pytest.mark.own_stack, pytest.mark.mails]

SENDER = "notices@prosaas.example"
PAGE = "https://app.example.com/webhook?tab=1&lang=he"
PARAMETERS = {
    "RetryScheduleSeconds": "1,1,2",
    "MaxAttempts": "30",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
    "LogLevel": "DEBUG",
    "NoticesFrom": SENDER,
    "DashboardUrl": PAGE,
}
CLAIM = "mailed_{}"


@pytest.fixture(scope="module")
def aws_proxy() -> Iterator[AwsProxy]:
    """Give the proxy in front of AWS."""
    with running_aws_proxy() as running:
        yield running


@pytest.fixture(scope="module")
def mailing(aws_proxy: AwsProxy) -> Iterator[Stack]:
    """Give a stack that mails owners."""
    build()
    with running_stack(PARAMETERS, logs=LOGS / "mailing", aws_proxy=aws_proxy) as deployed:
        verify(deployed, SENDER)
        yield deployed


@pytest.fixture(scope="module")
def dead_letters(mailing: Stack) -> DeadLetters:
    """Give the messages of that stack's dead-letter queue."""
    return DeadLetters(mailing)


@pytest.fixture
def business(mailing: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a business of that stack."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", mailing, receiver, confidential)


def address_of(business: TestBusiness) -> str:
    """Give a business's own address."""
    return f"owner-{business.id}@example.com"


def mails_to(business: TestBusiness) -> list[Mail]:
    """Give the mails to the business's address so far."""
    return [mail for mail in mails(business.stack) if mail.to == (address_of(business),)]


def wait_for_mails(business: TestBusiness, count: int) -> list[Mail]:
    """Wait for so many mails, and give all."""
    until(lambda: len(mails_to(business)) >= count, SECONDS, f"{count} mails", every=0.2)
    return mails_to(business)


def lines(business: TestBusiness, message: str) -> list[dict[str, Any]]:
    """Give the lines of `notify` with this message about a business."""
    found = json_lines(business.stack.notify_log())
    return [line for line in found if line["message"] == message and line.get("business_id") == business.id]


def wait_for_line(business: TestBusiness, message: str, count: int = 1, **fields: object) -> None:
    """Wait for so many lines of `notify` about a business with this message and these fields."""

    def found() -> bool:
        return sum(fields.items() <= line.items() for line in lines(business, message)) >= count

    until(found, SECONDS, f"{count} lines {message} with {fields}", every=0.2)


def paused(business: TestBusiness, reason: str = "gone", **further: object) -> None:
    """Save a business with an address whose endpoint is paused."""
    health = {"version": 1, "state": "paused", "since": 1762155755000, "reason": reason}
    business.answers(200, notify_email=address_of(business), health=health, **further)


def notice(business: TestBusiness, kind: str, cause: str = "gone", **further: object) -> str:
    """Make a notice as the functions publish it."""
    said = {"kind": kind, "business_id": business.id, "cause": cause, "since": "2025-11-03T07:42:35Z", "held": 3}
    return json.dumps(said | further)


def tell(business: TestBusiness, kind: str, cause: str = "gone", **further: object) -> None:
    """Publish a notice on the topic."""
    topic = business.stack.outputs["OwnerNoticesTopicArn"]
    business.stack.client("sns").publish(TopicArn=topic, Message=notice(business, kind, cause, **further))


def claims(business: TestBusiness) -> dict[str, str]:
    """Give the hours that are claimed, by the kind of notice."""
    item = business.stack.settings.get_item(Key={"business_id": business.id}, ConsistentRead=True).get("Item", {})
    return {name.removeprefix("mailed_"): value for name, value in item.items() if name.startswith("mailed_")}


def age_claim(business: TestBusiness, kind: str, minutes: int) -> None:
    """Make a claim some minutes older."""
    value = claims(business)[kind]
    older = f"{int(value.partition('.')[0]) - minutes * 60_000:013}.{value.partition('.')[2]}"
    business.stack.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET #claim = :older",
        ExpressionAttributeNames={"#claim": CLAIM.format(kind)},
        ExpressionAttributeValues={":older": older},
    )


def test_owner_is_mailed_once_when_the_endpoint_fails_and_once_when_it_recovers(business: TestBusiness) -> None:
    business.answers(500, notify_email=address_of(business))
    calls = [business.publish() for _ in range(6)]
    [failing] = wait_for_mails(business, 1)
    assert failing.sender == SENDER
    assert failing.subject == "העדכונים מ־ProSaaS לא מגיעים למערכת שלך"
    assert "המערכת שלך ענתה בשגיאה." in failing.text
    assert "ממשיכים לנסות, וברגע שהמערכת שלך תענה הכול יישלח מעצמו." in failing.text
    assert failing.html.startswith('<!doctype html>\n<html lang="he" dir="rtl">')
    business.receiver.script(business.path, Answer(200))
    [_, recovered] = wait_for_mails(business, 2)
    assert recovered.subject == "העדכונים מ־ProSaaS שוב נשלחים למערכת שלך"
    for mail in (failing, recovered):
        assert f"\n{PAGE}\n" in mail.text
        assert f'href="{PAGE.replace("&", "&amp;")}"' in mail.html
        assert len((mail.html + mail.text).encode()) < 20_000
        secret = [calls[0]["transcript"], calls[0]["phone"], business.path, business.receiver.url, business.id]
        assert [text for text in secret if text in mail.text + mail.html + mail.subject] == []
    assert [line["kind"] for line in lines(business, "mailed")] == ["failing", "recovered"]


def test_second_notice_of_a_kind_within_the_hour_is_not_mailed_and_one_after_it_is(business: TestBusiness) -> None:
    paused(business)
    for _ in range(4):
        tell(business, "paused")
    wait_for_mails(business, 1)
    wait_for_line(business, "not_mailed", 3, kind="paused", reason="within_the_hour")
    age_claim(business, "paused", 59)
    tell(business, "paused")
    wait_for_line(business, "not_mailed", 4, reason="within_the_hour")
    assert len(mails_to(business)) == 1, "at most one of its kind within an hour"
    age_claim(business, "paused", 2)
    tell(business, "paused")
    assert len(wait_for_mails(business, 2)) == 2


def test_hour_of_one_kind_is_not_that_of_another(business: TestBusiness) -> None:
    paused(business)
    tell(business, "paused")
    wait_for_mails(business, 1)
    # As the functions write it, so that the claim stays.
    business.stack.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET health = :health",
        ExpressionAttributeValues={":health": {"version": 2, "state": "active"}},
    )
    tell(business, "recovered")
    assert len(wait_for_mails(business, 2)) == 2
    assert set(claims(business)) == {"paused", "recovered"}


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (1, "עדכון אחד ממתין."),
        (999, "999 עדכונים ממתינים."),
        (1000, "יותר מ־999 עדכונים ממתינים."),
        (None, "מה שממתין נשמר."),
    ],
)
def test_mail_says_how_many_events_wait(business: TestBusiness, held: int | None, said: str) -> None:
    paused(business)
    tell(business, "paused", held=held)
    [mail] = wait_for_mails(business, 1)
    assert f"{said} הכול יישלח עם חידוש השליחה." in mail.text
    assert said in mail.html


def test_notice_that_is_no_longer_true_is_dropped(business: TestBusiness) -> None:
    paused(business)
    for kind, cause in (("failing", "status"), ("recovered", "status"), ("paused", "spent"), ("other", "gone")):
        tell(business, kind, cause)
    wait_for_line(business, "not_mailed", 4, reason="no_longer_true")
    business.answers(200, notify_email=address_of(business))
    tell(business, "paused")
    wait_for_line(business, "not_mailed", 5, reason="no_longer_true")
    assert mails_to(business) == []
    assert claims(business) == {}


def test_business_without_an_address_is_not_mailed(business: TestBusiness) -> None:
    paused(business)
    business.answers(200, health={"version": 1, "state": "paused", "since": 1762155755000, "reason": "gone"})
    tell(business, "paused")
    wait_for_line(business, "not_mailed", reason="no_address")
    paused(business)
    business.stack.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET notify_email = :list",
        ExpressionAttributeValues={":list": f"{address_of(business)}, other@example.com"},
    )
    tell(business, "paused")
    wait_for_line(business, "not_mailed", reason="invalid_address")
    assert mails_to(business) == []
    assert claims(business) == {}


def test_business_that_has_left_stays_away(business: TestBusiness) -> None:
    tell(business, "failing")
    wait_for_line(business, "not_mailed", reason="no_address")
    assert "Item" not in business.stack.settings.get_item(Key={"business_id": business.id}, ConsistentRead=True)


def test_claim_is_given_back_when_ses_fails_and_the_next_notice_is_mailed(
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    paused(business)
    with aws_proxy.rule(broken, "SendEmail", about=address_of(business)):
        tell(business, "paused")
        wait_for_line(business, "fault")
        until(lambda: claims(business) == {}, SECONDS, "the claim given back")
    tell(business, "paused")
    wait_for_mails(business, 1)
    assert list(claims(business)) == ["paused"]
    log = [line for line in business.stack.notify_log() if line.startswith("{")]
    assert log
    assert [line for line in log if "@" in line or "://" in line] == [], "no address of a person or a page"


def test_invocation_is_repeated_after_ses_has_failed(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    paused(business)
    # As many as the SDK tries in one invocation.
    with aws_proxy.rule(broken, "SendEmail", about=address_of(business), times=3):
        invoke_as_sns_does(business, "paused")
        wait_for_mails(business, 1)
    assert len(lines(business, "fault")) == 1
    assert len(lines(business, "mailed")) == 1


def test_notice_that_is_never_mailed_rests_in_the_dead_letter_queue(
    business: TestBusiness, aws_proxy: AwsProxy, dead_letters: DeadLetters
) -> None:
    paused(business)
    with aws_proxy.rule(broken, "SendEmail", about=address_of(business)):
        invoke_as_sns_does(business, "paused")
        letter = json.loads(dead_letters.wait(business.id)["Body"])
    assert letter["requestPayload"]["Records"][0]["Sns"]["Message"] == notice(business, "paused")
    assert address_of(business) not in json.dumps(letter)
    assert claims(business) == {}
    assert mails_to(business) == []


def test_record_that_is_no_notice_is_logged_and_the_others_are_mailed(business: TestBusiness) -> None:
    paused(business)
    invoke(business, {"Records": [{}, {"Sns": {"Message": "hello"}}, {"Sns": {"Message": notice(business, "paused")}}]})
    wait_for_mails(business, 1)
    unreadable = [line for line in json_lines(business.stack.notify_log()) if line["message"] == "unreadable_notice"]
    assert len(unreadable) == 2


def invoke_as_sns_does(business: TestBusiness, kind: str) -> None:
    """Invoke `notify` asynchronously. MiniStack's SNS invokes a function once, and Lambda as often as AWS does."""
    invoke(business, {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": notice(business, kind)}}]})


def invoke(business: TestBusiness, event: dict[str, Any], invocation_type: str = "Event") -> dict[str, Any]:
    """Invoke `notify`."""
    return business.stack.client("lambda").invoke(
        FunctionName=business.stack.outputs["NotifyFunctionName"],
        InvocationType=invocation_type,
        Payload=json.dumps(event).encode(),
    )
