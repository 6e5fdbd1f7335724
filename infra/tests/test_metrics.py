"""The metrics in the functions' logs: one line for each invocation, which says the same as the log lines."""

import json
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from uuid import uuid4

import pytest

from infra.local.processes import until
from infra.local.stack import Stack

from .business import TestBusiness
from .invoking import invoke
from .logs import json_lines
from .metrics import DIMENSION, Line, documented, metric_lines, totals, units
from .queues import publish_together
from .waits import SECONDS

LINES_OF = {
    "Delivered": {"delivered"},
    "Retrying": {"retrying"},
    "Held": {"held"},
    "Failed": {"spent"},
    "NotReplayed": {"not_replayed"},
    "Duplicates": {"duplicate"},
    "NotConfigured": {"not_configured"},
    "AtCapacity": {"at_capacity"},
    "Malformed": {"malformed"},
    "NotKept": {"not_kept"},
    "UnreadFields": {"unread_field"},
    "EndpointsFailing": {"endpoint_failing"},
    "EndpointsPaused": {"endpoint_paused"},
    "EndpointsRecovered": {"endpoint_recovered"},
    "Faults": {
        "fault",
        "not_copied",
        "not_rescheduled",
        "overdue",
        "panicked",
        "secret_not_refreshed",
        "unreadable_record",
    },
}
"""The messages of the log lines that each metric counts. The shared stack's log has all levels."""


def since(stack: Stack, start: float) -> Counter[str]:
    """Give what `deliver` has counted since a time."""
    return totals(stack.function_log(start))


def line_of(stack: Stack, start: float, messages: int) -> Line:
    """Wait for the line of an invocation with so many messages."""

    def find() -> Line | None:
        lines = metric_lines(stack.function_log(start))
        return next((line for line in lines if line["Messages"] == messages), None)

    return until(find, SECONDS, f"a line of metrics of {messages} messages", every=0.2)


def test_invocation_writes_one_line_of_what_became_of_its_messages_and_names_no_business(
    stack: Stack, business: TestBusiness, another: TestBusiness
) -> None:
    business.answers(200)
    ended = datetime.now(timezone.utc) - timedelta(seconds=30)
    called = business.call(ended_at=ended.isoformat(), direction="sideways")
    start = time.time() - 1
    # The second business has no settings.
    publish_together(stack, called, another.call(), "no event", f"no event of {uuid4().hex}")
    line = line_of(stack, start, 4)
    counted = {name: line[name] for name in units(line)}
    [delay], [attempt_ms] = counted.pop("DeliveryDelay"), counted.pop("AttemptTime")
    assert counted == {"Messages": 4, "Delivered": 1, "NotConfigured": 1, "Malformed": 2, "UnreadFields": 1}
    assert 30_000 <= delay < 30_000 + SECONDS * 1000
    assert 0 <= attempt_ms < 2_000
    assert line[DIMENSION] == stack.outputs["DeliverFunctionName"]
    text = json.dumps(line)
    assert not [value for value in (business.id, another.id, called["call_id"], "127.0.0.1") if value in text]


def test_failed_attempts_pauses_replays_and_repeats_are_counted(stack: Stack, business: TestBusiness) -> None:
    start = time.time()
    business.answers(410)
    published = business.publish()
    business.publish()
    until(lambda: since(stack, start)["Held"] >= 2, SECONDS, "both held")
    paused = since(stack, start)
    # Messages of other tests may come meanwhile, so these are the least numbers. The second event may have been
    # attempted before the first was settled.
    assert 1 <= paused["FailedAttemptsGone"] <= paused["AttemptTime"]
    assert paused["EndpointsPaused"] >= 1
    business.answers(200, health=business.health())
    business.resume()
    until(lambda: since(stack, start)["ReplayedEvents"] >= 2, SECONDS, "both replayed")
    business.publish(published)
    until(lambda: since(stack, start)["Duplicates"] >= 1, SECONDS, "a duplicate")
    replayed = since(stack, start)
    assert replayed["Delivered"] >= replayed["ReplayedEvents"] >= 2
    assert replayed["ReplaySteps"] >= 1
    # The calls of tests ended long ago, which does not matter here.
    assert replayed["DeliveryDelay"] >= 2


def test_resend_has_no_delay(stack: Stack, business: TestBusiness) -> None:
    start = time.time()
    business.answers(200)
    business.publish()
    [request] = business.receives()
    business.recorded(request.headers["webhook-id"], "delivered")
    business.resend(request.headers["webhook-id"])
    business.receives(2)
    arrived = until(lambda: (now := since(stack, start))["Delivered"] >= 2 and now, SECONDS, "two arrivals")
    assert arrived["Delivered"] - arrived["DeliveryDelay"] == 1


def test_line_is_written_at_the_level_error_and_by_an_invocation_that_fails(
    stack: Stack, business: TestBusiness
) -> None:
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": json.dumps(business.call()),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
    }
    payload = json.dumps({"Records": [record]}).encode()
    quiet = invoke(stack, "Deliver", payload, LOG_LEVEL="ERROR")
    assert not quiet.failed
    [line] = json_lines(quiet.log)
    assert {name: line[name] for name in units(line)} == {"Messages": 1, "NotConfigured": 1}
    assert (line["level"], line["message"]) == ("INFO", "metrics"), "as Lambda's filter of levels sees it"
    assert line["timestamp"].endswith("Z")
    del record["messageId"]
    failed = invoke(stack, "Deliver", json.dumps({"Records": [record]}).encode(), LOG_LEVEL="ERROR")
    assert failed.failed
    [line] = metric_lines(failed.log)
    assert {name: line[name] for name in units(line)} == {"Messages": 1}


@pytest.mark.last
def test_every_metric_of_the_session_is_in_readme_with_its_unit_and_its_function(stack: Stack) -> None:
    known = documented()
    logs = {
        "deliver": stack.function_log(),
        "portal": stack.portal_log(),
        "sweep": stack.sweep_log(),
        "notify": stack.notify_log(),
    }
    assert metric_lines(logs["deliver"])
    for function, log in logs.items():
        for line in metric_lines(log):
            for name, unit in units(line).items():
                assert known[name][0] == unit, name
                assert function in known[name][1], name


@pytest.mark.last
def test_metrics_of_the_session_are_the_log_lines_that_they_count(stack: Stack) -> None:
    # An invocation that is under way has written lines, and its metrics follow at its end.
    def differences() -> dict[str, tuple[int, int]]:
        log = stack.function_log() + stack.portal_log()
        counted, messages = totals(log), Counter(line["message"] for line in json_lines(log))
        written = {name: sum(messages[message] for message in of) for name, of in LINES_OF.items()}
        return {name: (counted[name], lines) for name, lines in written.items() if counted[name] != lines}

    try:
        until(lambda: not differences(), SECONDS, "the end of all invocations", every=1)
    finally:
        assert differences() == {}, "the metric, and its lines"
