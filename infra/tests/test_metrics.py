"""The metrics in the functions' logs: one line for each invocation, which says the same as the log lines."""

import json
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest

from infra.local.stack import Stack

from .business import TestBusiness
from .invoking import invoke
from .logs import json_lines
from .metrics import DIMENSION, documented, metric_lines, totals, units
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


def handled(stack: Stack, *bodies: object, **variables: str) -> dict[str, Any]:
    """Let one invocation of `deliver` handle messages, and give its metrics, of times the list of values.

    The invocation has a process of its own. MiniStack may lose the last line of a process that writes while the machine
    is busy.
    """
    records = [
        {
            "messageId": uuid4().hex,
            "receiptHandle": uuid4().hex,
            "body": body if isinstance(body, str) else json.dumps(body, separators=(",", ":")),
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(milliseconds())},
            "messageAttributes": {},
        }
        for body in bodies
    ]
    invoked = invoke(stack, "Deliver", json.dumps({"Records": records}).encode(), **variables)
    assert not invoked.failed
    *_, last = json_lines(invoked.log)
    assert metric_lines(invoked.log) == [last], "one line, at the end"
    assert (last["level"], last["message"]) == ("INFO", "metrics"), "as Lambda's filter of levels sees it"
    assert last["timestamp"].endswith("Z")
    assert last[DIMENSION] == stack.outputs["DeliverFunctionName"]
    return {name: last[name] for name in units(last)}


def milliseconds() -> int:
    """Give the present time in the unit of stored times."""
    return int(time.time() * 1000)


def test_invocation_writes_one_line_of_what_became_of_its_messages_and_names_no_business(
    stack: Stack, business: TestBusiness, another: TestBusiness
) -> None:
    business.answers(200)
    ended = datetime.now(timezone.utc) - timedelta(seconds=30)
    called = business.call(ended_at=ended.isoformat(), direction="sideways")
    # The second business has no settings.
    counted = handled(stack, called, another.call(), "no event", f"no event of {uuid4().hex}")
    text = json.dumps(counted)
    [delay], [attempt_ms] = counted.pop("DeliveryDelay"), counted.pop("AttemptTime")
    assert counted == {"Messages": 4, "Delivered": 1, "NotConfigured": 1, "Malformed": 2, "UnreadFields": 1}
    assert 30_000 <= delay < 30_000 + SECONDS * 1000
    assert 0 <= attempt_ms < 2_000
    assert not [value for value in (business.id, another.id, called["call_id"], "127.0.0.1") if value in text]


def test_failed_attempts_pauses_replays_and_repeats_are_counted(stack: Stack, business: TestBusiness) -> None:
    business.answers(410)
    event = business.call()
    paused = handled(stack, event)
    assert len(paused.pop("AttemptTime")) == 1
    assert paused == {"Messages": 1, "Held": 1, "FailedAttemptsGone": 1, "EndpointsPaused": 1}
    assert handled(stack, business.call()) == {"Messages": 1, "Held": 1}
    replay = int(business.health()["version"]) + 1
    begun = {"version": replay, "state": "active", "replay_id": replay, "replay_step": 0, "replay_due": milliseconds()}
    business.answers(200, health=begun)
    step = handled(stack, {"command": "replay", "business_id": business.id, "replay": replay, "step": 0})
    assert (len(step.pop("AttemptTime")), len(step.pop("DeliveryDelay"))) == (2, 2)
    assert step == {"Messages": 1, "Delivered": 2, "ReplaySteps": 1, "ReplayedEvents": 2}
    assert handled(stack, event) == {"Messages": 1, "Duplicates": 1}


def test_second_arrival_of_an_event_has_no_delay(stack: Stack, business: TestBusiness) -> None:
    business.answers(200)
    assert len(handled(stack, business.call())["DeliveryDelay"]) == 1
    [request] = business.receives()
    command = {"command": "deliver", "business_id": business.id, "event_id": request.headers["webhook-id"]}
    resent = handled(stack, command | {"resend_asked_at": milliseconds()})
    assert len(resent.pop("AttemptTime")) == 1
    assert resent == {"Messages": 1, "Delivered": 1}


def test_line_is_written_at_the_level_error_and_by_an_invocation_that_fails(
    stack: Stack, business: TestBusiness
) -> None:
    assert handled(stack, business.call(), LOG_LEVEL="ERROR") == {"Messages": 1, "NotConfigured": 1}
    failed = invoke(stack, "Deliver", b'{"Records": [{"body": "without an id"}]}', LOG_LEVEL="ERROR")
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
    invocations = [*logs_of_invocations(stack, "Deliver"), *logs_of_invocations(stack, "Portal")]
    # MiniStack takes a line that it reads too late for one of the next invocation of the process, or for none.
    complete = [log for log in invocations if len(metric_lines(log)) == 1 and "_aws" in json_lines(log)[-1]]
    assert len(complete) > len(invocations) * 0.8
    for log in complete:
        counted, messages = totals(log), Counter(line["message"] for line in json_lines(log))
        written = {name: sum(messages[message] for message in of) for name, of in LINES_OF.items()}
        assert {name: counted[name] for name in written} == written


def logs_of_invocations(stack: Stack, function: str) -> list[list[str]]:
    """Give the JSON lines of each invocation that `deliver` or `portal` has counted something in."""
    configuration = stack.client("lambda").get_function_configuration(
        FunctionName=stack.outputs[f"{function}FunctionName"]
    )
    pages = stack.client("logs").get_paginator("filter_log_events")
    found: dict[str, list[str]] = {}
    # MiniStack makes a stream for each invocation.
    for page in pages.paginate(logGroupName=configuration["LoggingConfig"]["LogGroup"]):
        for event in page["events"]:
            if event["message"].startswith("{"):
                found.setdefault(event["logStreamName"], []).append(event["message"])
    return [log for log in found.values() if any(counts(line) for line in json_lines(log))]


def counts(line: dict[str, Any]) -> bool:
    """Whether a line is one of metrics, or of what they count."""
    return "_aws" in line or any(line["message"] in messages for messages in LINES_OF.values())
