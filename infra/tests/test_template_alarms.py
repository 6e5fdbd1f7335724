"""The alarms of the template: each exists whatever the parameters, has the right metric, and says what to do.

MiniStack has no metrics of SQS or API Gateway, so the tests read the alarms' properties from the template.
"""

from typing import Any

import pytest

from .alarm_state import matches
from .template import FUNCTIONS, of_type, original, reference, resources

ALARM = "AWS::CloudWatch::Alarm"
FILTER = "AWS::Logs::MetricFilter"
ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")

DAY_SECONDS = 86_400
WEEK_SECONDS = 604_800
LAMBDA_METRICS = ("Errors", "Throttles", "RecursiveInvocationsDropped")

ABOVE_NOTHING = {
    "Statistic": "Sum",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 0,
    "TreatMissingData": "notBreaching",
}


def alarms() -> dict[str, dict[str, Any]]:
    """Give the properties of all alarms, by name."""
    return {name: alarm["Properties"] for name, alarm in of_type(ALARM).items()}


def alarm_of(metric: str, dimension: str, resource: str) -> dict[str, Any]:
    """Give the one alarm on a metric of a queue or function."""
    [found] = [
        alarm
        for alarm in alarms().values()
        if alarm.get("MetricName") == metric and _dimension(alarm) == (dimension, resource)
    ]
    return found


def _dimension(alarm: dict[str, Any]) -> tuple[str, str] | None:
    match alarm.get("Dimensions"):
        case [{"Name": name, "Value": value}]:
            return name, reference(value)
    return None


def assert_has(alarm: dict[str, Any], expected: dict[str, Any]) -> None:
    """Check some properties of an alarm."""
    assert {name: alarm.get(name) for name in expected} == expected


def seconds_that_count(alarm: dict[str, Any]) -> int:
    """Give the shortest time for which a metric has to be bad."""
    return alarm["Period"] * alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])


def test_only_the_watch_for_silence_and_the_mail_depend_on_a_parameter() -> None:
    conditional = {
        name: resource["Condition"]
        for name, resource in resources().items()
        if resource["Type"] in (ALARM, FILTER, "AWS::SNS::Topic", "AWS::SNS::Subscription") and "Condition" in resource
    }
    assert conditional == {"AlarmMail": "HasAlarmEmail", "SilenceAlarm": "WatchesForSilence"}
    mail = resources()["AlarmMail"]["Properties"]
    assert mail == {"TopicArn": {"Ref": "AlarmTopic"}, "Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}


def test_every_alarm_acts_on_the_topic_which_cloudwatch_may_use() -> None:
    for name, alarm in alarms().items():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
        assert all(alarm.get(action, [{"Ref": "AlarmTopic"}]) == [{"Ref": "AlarmTopic"}] for action in ACTIONS), name
        assert "ActionsEnabled" not in alarm, name
    # The key alias/aws/sns allows no other service, so an alarm could not publish.
    topic = resources()["AlarmTopic"]
    assert topic["Type"] == "AWS::SNS::Topic"
    assert "KmsMasterKeyId" not in topic.get("Properties", {})
    assert original()["Outputs"]["AlarmTopicArn"]["Value"] == {"Ref": "AlarmTopic"}


def test_every_description_says_what_to_do_first() -> None:
    descriptions = {name: alarm["AlarmDescription"] for name, alarm in alarms().items()}
    assert [name for name, text in descriptions.items() if "First: " not in text] == []
    # PutMetricAlarm takes 1,024 characters.
    assert [name for name, text in descriptions.items() if len(text) > 1024] == []
    assert len(set(descriptions.values())) == len(descriptions)


def test_every_window_is_one_that_cloudwatch_takes() -> None:
    for name, alarm in alarms().items():
        period = alarm["Metrics"][0]["MetricStat"]["Period"] if "Metrics" in alarm else alarm["Period"]
        periods = alarm["EvaluationPeriods"]
        if periods == {"Ref": "SilenceAlarmHours"}:
            periods = original()["Parameters"]["SilenceAlarmHours"]["MaxValue"]
        # Seven days. With a period shorter than an hour, one day.
        assert period * periods <= (WEEK_SECONDS if period >= 3600 else DAY_SECONDS), name
        assert alarm.get("DatapointsToAlarm", 1) <= periods, name


def test_alarm_on_visible_dead_letters() -> None:
    alarm = alarm_of("ApproximateNumberOfMessagesVisible", "QueueName", "DeadLetterQueue")
    assert_has(alarm, ABOVE_NOTHING | {"Namespace": "AWS/SQS", "Statistic": "Maximum", "EvaluationPeriods": 1})


def test_alarm_on_new_dead_letters() -> None:
    alarm = alarms()["DeadLettersGrowingAlarm"]
    metrics = {metric["Id"]: metric for metric in alarm["Metrics"]}
    assert {metric["Id"] for metric in alarm["Metrics"] if metric.get("ReturnData", True)} == {"growth"}
    assert metrics["growth"]["Expression"] == "DIFF(FILL(visible, 0))"
    # NumberOfMessagesSent does not count messages that SQS itself moves.
    assert metrics["visible"]["MetricStat"] == {
        "Metric": {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateNumberOfMessagesVisible",
            "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}}],
        },
        "Stat": "Maximum",
        "Period": 300,
    }
    assert_has(alarm, {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "DatapointsToAlarm": 1})
    # FILL replaces a late point by zero, so the newest period alone would never exceed the one before.
    assert alarm["EvaluationPeriods"] == 3
    assert "OKActions" not in alarm, "the letters are still there when their number stops growing"


def test_alarm_on_a_sweep_that_does_not_run() -> None:
    alarm = alarms()["SweepStoppedAlarm"]
    metrics = {metric["Id"]: metric for metric in alarm["Metrics"]}
    assert {metric["Id"] for metric in alarm["Metrics"] if metric.get("ReturnData", True)} == {"invocations"}
    # A function that is not invoked has no metric.
    assert metrics["invocations"]["Expression"] == "FILL(runs, 0)"
    assert metrics["runs"]["MetricStat"] == {
        "Metric": {
            "Namespace": "AWS/Lambda",
            "MetricName": "Invocations",
            "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "SweepFunction"}}],
        },
        "Stat": "Sum",
        "Period": 300,
    }
    assert_has(alarm, {"ComparisonOperator": "LessThanThreshold", "Threshold": 1, "EvaluationPeriods": 6})


def test_alarm_on_events_that_are_not_received() -> None:
    alarm = alarm_of("ApproximateNumberOfMessagesVisible", "QueueName", "EventsQueue")
    assert_has(alarm, ABOVE_NOTHING | {"Namespace": "AWS/SQS", "Statistic": "Minimum"})
    assert seconds_that_count(alarm) == 900


def test_alarm_on_events_in_flight_near_the_limit_of_sqs() -> None:
    alarm = alarm_of("ApproximateNumberOfMessagesNotVisible", "QueueName", "EventsQueue")
    assert_has(alarm, ABOVE_NOTHING | {"Namespace": "AWS/SQS", "Statistic": "Maximum", "Threshold": 90_000})


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("metric", LAMBDA_METRICS)
def test_alarms_on_the_metrics_of_each_function(metric: str, function: str) -> None:
    alarm = alarm_of(metric, "FunctionName", function)
    assert_has(alarm, ABOVE_NOTHING | {"Namespace": "AWS/Lambda", "EvaluationPeriods": 1})
    assert alarm["Period"] <= 300


def test_alarm_on_invocations_near_the_timeout() -> None:
    alarm = alarm_of("Duration", "FunctionName", "DeliverFunction")
    expected = {"Namespace": "AWS/Lambda", "Statistic": "Maximum", "Threshold": 57_000, "Period": 60}
    assert_has(alarm, expected | {"ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"})
    assert_has(alarm, {"EvaluationPeriods": 5, "DatapointsToAlarm": 3})
    assert resources()["DeliverFunction"]["Properties"]["Timeout"] * 1000 > 57_000


@pytest.mark.parametrize("function", FUNCTIONS)
def test_alarm_on_errors_that_each_function_logs(function: str) -> None:
    group = resources()[function]["Properties"]["LoggingConfig"]["LogGroup"]
    [logged] = [one["Properties"] for one in of_type(FILTER).values() if one["Properties"]["LogGroupName"] == group]
    line = {"level": "ERROR", "message": "fault"}
    assert matches(logged["FilterPattern"], line)
    assert not matches(logged["FilterPattern"], line | {"level": "WARN"})
    # What `deliver` has copied to the dead-letter queue is reported by the alarms of the queue.
    for message in ("spent", "malformed", "not_kept"):
        assert matches(logged["FilterPattern"], line | {"message": message}) is (function != "DeliverFunction")
    [metric] = logged["MetricTransformations"]
    assert metric["MetricValue"] == "1"
    [alarm] = [one for one in alarms().values() if one.get("MetricName") == metric["MetricName"]]
    assert_has(alarm, ABOVE_NOTHING | {"Namespace": metric["MetricNamespace"], "EvaluationPeriods": 1})


def test_alarm_on_silence() -> None:
    template = original()
    parameter = template["Parameters"]["SilenceAlarmHours"]
    assert (parameter["Type"], parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) == (
        "Number",
        0,
        0,
        168,
    )
    off = {"Fn::Not": [{"Fn::Equals": [{"Ref": "SilenceAlarmHours"}, 0]}]}
    assert template["Conditions"]["WatchesForSilence"] == off
    alarm = alarm_of("NumberOfMessagesSent", "QueueName", "EventsQueue")
    assert_has(alarm, {"Namespace": "AWS/SQS", "Statistic": "Sum", "Period": 3600})
    assert alarm["EvaluationPeriods"] == {"Ref": "SilenceAlarmHours"}
    assert "DatapointsToAlarm" not in alarm
    # A queue without traffic has no metric, so missing data must raise the alarm.
    assert_has(alarm, {"ComparisonOperator": "LessThanThreshold", "Threshold": 1, "TreatMissingData": "breaching"})
