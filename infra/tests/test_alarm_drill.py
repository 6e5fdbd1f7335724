"""The alarm drill: each alarm's condition is provoked on the local stack, and what the alarm is computed from is read.

MiniStack has no metrics of SQS, Lambda or API Gateway. So a test reads what AWS makes the metric from: a queue's
attribute, a function's answer, Lambda's own line, a line of the log. The alarm's properties are those of the template,
and `alarm_state` computes its state as CloudWatch does. `test_template_alarms` says what the properties must be.

A test feeds the values that it has read. Two thresholds are too high for that, those of messages in flight and of the
duration of an invocation: there a lower one stands in for the template's.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.fakes.receiver import Answer
from infra.local.processes import until
from infra.local.stack import Stack

from .alarm_state import is_alarm, matches
from .aws_metrics import DOCUMENTED, RESOURCE_OF
from .business import TestBusiness
from .insights import GENERATED, parse
from .invoking import invoke
from .logs import json_lines, log_lines
from .metrics import totals
from .portal import Owner, Reply
from .queues import wait_until_empty
from .second import test_recursion
from .template import FUNCTIONS, of_type, reference, resources
from .test_template_alarms import alarms
from .test_template_dashboard import queries
from .waits import SECONDS

NO_TOPIC = "arn:aws:sns:il-central-1:000000000000:there-is-none"
NOT_A_MESSAGE = json.dumps({"Records": [{"body": "without an id"}]}).encode()

EVERY_MINUTE = "cron(* * * * ? *)"
LOOK_SECONDS = 10
"""MiniStack looks every ten seconds which rules are due."""

ATTRIBUTES = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
}
"""The attribute of a queue with the present value of each metric, by the API reference of GetQueueAttributes."""


def queue_metric(stack: Stack, alarm: dict[str, Any]) -> int:
    """Read the value of a queue's metric now."""
    if "Metrics" in alarm:
        [alarm] = [one["MetricStat"]["Metric"] for one in alarm["Metrics"] if "MetricStat" in one]
    [dimension] = alarm["Dimensions"]
    output = {"EventsQueue": "EventsQueueUrl", "DeadLetterQueue": "DeadLetterQueueUrl"}[reference(dimension["Value"])]
    name = ATTRIBUTES[alarm["MetricName"]]
    answer = stack.queue.get_queue_attributes(QueueUrl=stack.outputs[output], AttributeNames=[name])
    return int(answer["Attributes"][name])


def output_of(function: str) -> str:
    """Give the output with the name of a function of the template."""
    return f"{function}Name"


@contextmanager
def switched_off(stack: Stack) -> Iterator[None]:
    """Switch the mapping of the events queue off, as an operator may by mistake."""
    functions = stack.client("lambda")
    [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_dead_letters_are_present_and_then_more(stack: Stack, business: TestBusiness) -> None:
    present, growing = alarms()["DeadLettersPresentAlarm"], alarms()["DeadLettersGrowingAlarm"]
    before = queue_metric(stack, present)
    business.publish_text("no event")
    until(lambda: queue_metric(stack, present) > before, SECONDS, "a dead letter", every=0.2)
    after = queue_metric(stack, growing)
    assert is_alarm(present, [after])
    assert not is_alarm(present, [0])
    # An idle queue reports nothing, which is filled with zeros.
    known = [before or None] * 3
    assert is_alarm(growing, [*known, after])
    assert is_alarm(growing, [*known, after, after, after]), "a late value is seen for three periods"
    assert not is_alarm(growing, [*known, *[after] * 4]), "the letters are still there, and known"


def test_backlog_of_a_mapping_that_is_switched_off(stack: Stack, business: TestBusiness) -> None:
    alarm = alarms()["BacklogAlarm"]
    business.answers(200)
    with switched_off(stack):
        business.publish()
        waiting = until(lambda: queue_metric(stack, alarm), SECONDS, "a visible message")
        assert is_alarm(alarm, [waiting] * 15)
        assert not is_alarm(alarm, [waiting] * 14 + [0]), "within 15 minutes the queue was empty once"
    business.receives()
    until(lambda: queue_metric(stack, alarm) == 0, SECONDS, "an empty queue")


def test_messages_in_flight_wait_for_their_next_attempt(stack: Stack, business: TestBusiness) -> None:
    alarm = alarms()["InFlightAlarm"]
    # The third attempt comes six seconds after the second.
    business.answers(500, 500, 500, 200)
    business.publish()
    business.receives(3)
    in_flight = until(lambda: queue_metric(stack, alarm), SECONDS, "a hidden message")
    assert is_alarm(alarm, [in_flight], threshold=0)
    assert not is_alarm(alarm, [in_flight])
    assert is_alarm(alarm, [90_001])
    business.receives(4)


def test_function_that_fails_as_a_whole(stack: Stack) -> None:
    failing = {
        "Deliver": invoke(stack, "Deliver", NOT_A_MESSAGE),
        "Sweep": invoke(stack, "Sweep", b"{}", SETTINGS_TABLE_NAME="there-is-none"),
        "Portal": invoke(stack, "Portal", b'{"no": "request"}'),
        "Notify": invoke(stack, "Notify", notice(), NOTICES_FROM="a@b.example", SETTINGS_TABLE_NAME="there-is-none"),
    }
    for function, invoked in failing.items():
        assert invoked.failed, function
        assert is_alarm(alarms()[f"{function}ErrorsAlarm"], [int(invoked.failed)]), function
    assert not is_alarm(alarms()["DeliverErrorsAlarm"], [None])
    # The deployed function's answer says the same.
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs["DeliverFunctionName"], Payload=NOT_A_MESSAGE)
    assert answer["FunctionError"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_that_lambda_throttles(stack: Stack, function: str) -> None:
    functions, name = stack.client("lambda"), stack.outputs[output_of(function)]
    # MiniStack throttles as AWS does where a function may not run at all.
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        throttled = refusals(stack, name)
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    alarm = alarms()[function.replace("Function", "ThrottlesAlarm")]
    assert is_alarm(alarm, [throttled])
    assert not is_alarm(alarm, [0])
    assert not is_alarm(alarm, [None]), "a function that nobody invokes reports nothing"


def refusals(stack: Stack, name: str) -> int:
    """Invoke a function once, and count the answers that Lambda counts as `Throttles`."""
    try:
        stack.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    except ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        return int((code, status) == ("TooManyRequestsException", 429))
    return 0


def test_sweep_that_does_not_run(stack: Stack) -> None:
    alarm, events = alarms()["SweepStoppedAlarm"], stack.client("events")
    [rule] = events.list_rules()["Rules"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(5 minutes)", "ENABLED")
    events.disable_rule(Name=rule["Name"])
    try:
        # With a run due in every minute, the drill does not wait for five.
        events.put_rule(Name=rule["Name"], ScheduleExpression=EVERY_MINUTE, State="DISABLED")
        before = runs(stack)
        wait_until_due(stack)
        while_off = runs(stack) - before
        # A function that nobody invokes reports nothing.
        assert is_alarm(alarm, [while_off or None] * 6)
        stack.sweep()
        by_hand = until(lambda: runs(stack) - before, SECONDS, "a run by hand", every=0.2)
        assert not is_alarm(alarm, [None] * 5 + [by_hand]), "one run by hand is enough"
        events.enable_rule(Name=rule["Name"])
        again = until(lambda: runs(stack) - before - by_hand, SECONDS, "a run by the rule", every=0.2)
        assert not is_alarm(alarm, [None] * 5 + [again])
    finally:
        events.put_rule(Name=rule["Name"], ScheduleExpression=rule["ScheduleExpression"], State="ENABLED")


def wait_until_due(stack: Stack) -> None:
    """Wait until a rule of every minute would have run: a minute has begun since its last run, and MiniStack looks."""
    stacks = stack.client("cloudformation").describe_stacks()["Stacks"]
    last = max([*(one["CreationTime"].timestamp() for one in stacks), *run_times(stack)])
    time.sleep(max(0, (last // 60 + 1) * 60 - time.time()) + LOOK_SECONDS + 1)


def runs(stack: Stack) -> int:
    """Count the invocations of `sweep`."""
    return len(run_times(stack))


def run_times(stack: Stack) -> list[float]:
    """Give the times of the invocations of `sweep`, by Lambda's own lines."""
    name = stack.outputs["SweepFunctionName"]
    group = stack.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
    found = stack.client("logs").filter_log_events(logGroupName=group)["events"]
    return [one["timestamp"] / 1000 for one in found if one["message"].startswith("START RequestId:")]


def test_invocation_of_deliver_that_takes_long(stack: Stack, business: TestBusiness) -> None:
    alarm = alarms()["DeliverDurationAlarm"]
    start = time.time() - 1
    # The attempt's time limit is two seconds.
    business.answers(Answer(200, delay_s=3), 200)
    business.publish()
    business.logs(message="retrying", cause="timeout", clue="no_answer")

    def longest() -> float:
        found = re.findall(r"\tDuration: ([\d.]+) ms", "\n".join(stack.function_log(start)))
        return max((float(ms) for ms in found), default=0)

    took = until(lambda: longest() >= 2_000 and longest(), SECONDS, "Lambda's line of the invocation", every=0.2)
    assert is_alarm(alarm, [None, took, took, None, took], threshold=1_999), "in three of five minutes"
    assert not is_alarm(alarm, [None, took, took, None, None], threshold=1_999)
    assert not is_alarm(alarm, [took] * 5), "the time-out is far away"
    assert is_alarm(alarm, [57_001] * 3 + [None] * 2)


def test_faults_that_functions_log_and_that_the_api_answers(
    stack: Stack, business: TestBusiness, owner: Owner, another: TestBusiness
) -> None:
    business.answers(200)
    answers = [owner.get("/api/settings")]
    assert not is_alarm(alarms()["PortalFaultsAlarm"], [faults(answers)])
    stack.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET signing_secret = :it",
        ExpressionAttributeValues={":it": "whsec_short"},
    )
    business.publish()
    line = business.logs(level="ERROR", message="fault")
    assert_counted("Deliver", line)
    answers.append(owner.post("/api/test"))
    assert is_alarm(alarms()["PortalFaultsAlarm"], [faults(answers)])

    def errors() -> list[dict[str, Any]]:
        lines = json_lines(stack.portal_log())
        return [line for line in lines if line["level"] == "ERROR" and line.get("business_id") == business.id]

    assert_counted("Portal", until(errors, SECONDS, "a fault of portal", every=0.2)[0])
    business.answers(200)
    waits_for_a_notice(another)
    swept = invoke(stack, "Sweep", b"{}", OWNER_NOTICES_TOPIC_ARN=NO_TOPIC)
    assert not swept.failed
    assert_counted("Sweep", last_error(swept.log))
    assert totals(swept.log)["Faults"] >= 1
    # The notice is given by the next run, so that no other test finds it.
    assert stack.sweep()["notices"] >= 1
    notified = invoke(stack, "Notify", b'{"Records": [{"Sns": {"Message": "none"}}]}', NOTICES_FROM="a@b.example")
    assert not notified.failed
    assert_counted("Notify", last_error(notified.log))


def faults(answers: list[Reply]) -> int:
    """Count the answers that API Gateway counts as `5xx`."""
    return sum(answer.status >= 500 for answer in answers)


def assert_counted(function: str, line: dict[str, Any]) -> None:
    """Check that the metric filter of a function counts a line, and that its alarm is on then."""
    logged = of_type("AWS::Logs::MetricFilter")[f"{function}LoggedErrors"]["Properties"]
    [transformation] = logged["MetricTransformations"]
    assert matches(logged["FilterPattern"], line)
    assert not matches(logged["FilterPattern"], line | {"level": "WARN"})
    alarm = alarms()[f"{function}LoggedErrorsAlarm"]
    assert alarm["MetricName"] == transformation["MetricName"]
    assert is_alarm(alarm, [float(transformation["MetricValue"])])


def last_error(log: list[str]) -> dict[str, Any]:
    """Give the last line of level ERROR."""
    return [line for line in json_lines(log) if line["level"] == "ERROR"][-1]


def waits_for_a_notice(business: TestBusiness) -> None:
    """Save a business whose operator has not been told for ten minutes that its endpoint has recovered."""
    at = int((time.time() - 600) * 1000)
    waiting = {"kind": "recovered", "since": at, "cause": "status", "at": at}
    health = {"version": 1, "state": "active", "notices": [waiting]}
    business.answers(200, health=health, unwell="unwell", due_at=at)


def notice() -> bytes:
    """Give SNS's event with a notice."""
    message = json.dumps({"kind": "paused", "business_id": "b", "cause": "gone", "since": "", "held": 0})
    return json.dumps({"Records": [{"Sns": {"Message": message}}]}).encode()


def test_silence_until_an_event_is_published(stack: Stack, business: TestBusiness) -> None:
    alarm = alarms()["SilenceAlarm"]
    business.answers(200)
    wait_until_empty(stack)
    with switched_off(stack):
        # Nothing takes a message out of the queue now, so the queue has each message that was sent to it.
        silent = messages(stack)
        business.publish()
        sent = until(lambda: messages(stack) - silent, SECONDS, "a message in the queue")
        afterwards = messages(stack) - silent - sent
    business.receives()
    # A queue to which nobody sends reports zeros for some hours, and then nothing.
    assert is_alarm(alarm, [silent, silent or None], periods=2)
    assert not is_alarm(alarm, [silent or None, sent], periods=2)
    assert is_alarm(alarm, [sent, afterwards, afterwards or None], periods=2)


def messages(stack: Stack) -> int:
    """Count the messages in the events queue, hidden or not."""
    names = [f"ApproximateNumberOfMessages{name}" for name in ("", "NotVisible", "Delayed")]
    answer = stack.queue.get_queue_attributes(QueueUrl=stack.outputs["EventsQueueUrl"], AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def test_only_deliver_sends_to_what_invokes_it() -> None:
    """Lambda alone can see a loop. `second/test_recursion` makes that of `deliver`; the others can have none."""
    logical = resources()
    invoked_by = {"DeliverRole": "EventsQueue", "NotifyRole": "OwnerNotices"}
    may_send = {
        (name, reference(statement["Resource"]))
        for name, role in of_type("AWS::IAM::Role").items()
        for policy in role["Properties"].get("Policies", [])
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] in ("sqs:SendMessage", "sns:Publish")
    }
    assert {role for role, source in invoked_by.items() if (role, source) in may_send} == {"DeliverRole"}
    assert logical["DeliverFunction"]["Properties"]["RecursiveLoop"] == "Allow"


LOOPS = test_recursion.test_replay_stops_after_sixteen_invocations_without_the_recursive_loop_of_the_template
DRILLS = {
    test_dead_letters_are_present_and_then_more: ["DeadLettersPresentAlarm", "DeadLettersGrowingAlarm"],
    test_backlog_of_a_mapping_that_is_switched_off: ["BacklogAlarm"],
    test_messages_in_flight_wait_for_their_next_attempt: ["InFlightAlarm"],
    test_function_that_fails_as_a_whole: [name.replace("Function", "ErrorsAlarm") for name in FUNCTIONS],
    test_function_that_lambda_throttles: [name.replace("Function", "ThrottlesAlarm") for name in FUNCTIONS],
    test_sweep_that_does_not_run: ["SweepStoppedAlarm"],
    test_invocation_of_deliver_that_takes_long: ["DeliverDurationAlarm"],
    test_faults_that_functions_log_and_that_the_api_answers: [
        *(name.replace("Function", "LoggedErrorsAlarm") for name in FUNCTIONS),
        "PortalFaultsAlarm",
    ],
    test_silence_until_an_event_is_published: ["SilenceAlarm"],
    LOOPS: ["DeliverRecursionAlarm"],
}
"""The alarms that each test provokes."""

WITHOUT_A_DRILL = ["SweepRecursionAlarm", "PortalRecursionAlarm", "NotifyRecursionAlarm"]
"""The alarms that nothing can provoke: `sweep`, `portal` and `notify` send nothing to what invokes them, as
`test_only_deliver_sends_to_what_invokes_it` checks. The alarms are there for a later change that makes a loop.
"""


def test_every_alarm_has_a_drill_unless_nothing_can_provoke_it() -> None:
    assert sorted([*WITHOUT_A_DRILL, *(name for names in DRILLS.values() for name in names)]) == sorted(alarms())


@pytest.mark.parametrize("name", sorted(alarms()))
def test_metric_of_every_alarm_is_one_that_aws_documents_or_a_filter_makes(name: str) -> None:
    alarm, logical = alarms()[name], resources()
    metrics = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]
    for metric in metrics:
        if metric["Namespace"] == {"Ref": "AWS::StackName"}:
            made = [one["Properties"]["MetricTransformations"] for one in of_type("AWS::Logs::MetricFilter").values()]
            assert [metric["MetricName"]] in [[one["MetricName"] for one in several] for several in made]
            assert "Dimensions" not in metric, "a filter's metric has none"
            continue
        documented = DOCUMENTED[metric["Namespace"]]
        assert metric["MetricName"] in documented.metrics
        [dimension] = metric["Dimensions"]
        assert dimension["Name"] in documented.dimensions
        assert logical[reference(dimension["Value"])]["Type"] == RESOURCE_OF[dimension["Name"]]


def test_fields_of_every_query_are_fields_of_log_lines(stack: Stack, business: TestBusiness) -> None:
    business.answers(500, Answer(200, delay_s=3), 200)
    business.publish()
    business.logs(message="delivered")
    # The test of faults provokes an ERROR line of `deliver`, unless it was left out of this run.
    known = {"error"} if not last_errors(stack) else set()
    for line in log_lines(stack):
        known |= line.keys()
    for name, query in queries().items():
        assert parse(query).fields - GENERATED <= known, name


def last_errors(stack: Stack) -> list[dict[str, Any]]:
    """Give the lines about faults."""
    return [line for line in log_lines(stack) if line["message"] == "fault"]
