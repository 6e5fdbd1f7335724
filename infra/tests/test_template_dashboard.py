"""The dashboard and the saved queries of the template: what they show exists.

A metric on the dashboard is one that a function writes, or one that AWS documents. `test_alarm_drill` compares the
fields of the queries with real log lines.
"""

import json
import re
from itertools import combinations
from typing import Any

import pytest

from .aws_metrics import DOCUMENTED, RESOURCE_OF
from .insights import InvalidQuery, parse
from .metrics import DIMENSION, NAMESPACE, documented
from .template import of_type, original, resources

ALARM_ARN = "${%s.Arn}"
COLUMNS = 24
MAX_METRICS = 500
"""The limit of metrics on one widget; a dashboard takes 2,500."""


def body(silence: str = "") -> dict[str, Any]:
    """Give the dashboard's body, with the names of resources in place of what CloudFormation would fill in."""
    [dashboard] = of_type("AWS::CloudWatch::Dashboard").values()
    text, variables = dashboard["Properties"]["DashboardBody"]["Fn::Sub"]
    assert set(variables) == {"SilenceAlarmToo"}
    return json.loads(text.replace("${SilenceAlarmToo}", silence))


def widgets(kind: str) -> list[dict[str, Any]]:
    """Give the widgets of a type."""
    return [widget for widget in body()["widgets"] if widget["type"] == kind]


def shown() -> list[list[Any]]:
    """Give the metrics of all widgets, without expressions."""
    metrics = [metric for widget in widgets("metric") for metric in widget["properties"]["metrics"]]
    return [metric for metric in metrics if isinstance(metric[0], str)]


def queries() -> dict[str, str]:
    """Give every query, of widgets and saved ones, by its name."""
    found = {widget["properties"]["title"]: widget["properties"]["query"] for widget in widgets("log")}
    saved = of_type("AWS::Logs::QueryDefinition")
    return found | {name: query["Properties"]["QueryString"] for name, query in saved.items()}


def function_of(name: str) -> str:
    """Give the name by which README calls a function of the template."""
    return name.removesuffix("Function").lower()


def test_every_metric_is_one_that_its_function_writes_or_that_aws_documents() -> None:
    own, logical = documented(), resources()
    assert shown()
    for namespace, name, dimension, value, *_ in shown():
        [resource] = re.findall(r"^\$\{(\w+)(?:\.QueueName)?\}$", value)
        assert logical[resource]["Type"] == RESOURCE_OF[dimension], value
        if namespace == NAMESPACE:
            assert dimension == DIMENSION
            assert function_of(resource) in own[name][1], f"{name} of {resource}"
        else:
            assert name in DOCUMENTED[namespace].metrics, name
            assert dimension in DOCUMENTED[namespace].dimensions


def test_every_cause_and_every_kind_of_trouble_of_readme_is_shown() -> None:
    on_it = {name for namespace, name, *_ in shown() if namespace == NAMESPACE}
    assert documented().keys() - on_it == {"Messages"}, "this one would say the same as the queue's"


def test_expressions_use_metrics_of_their_own_widget() -> None:
    for widget in widgets("metric"):
        metrics = widget["properties"]["metrics"]
        options = [metric[-1] for metric in metrics if isinstance(metric[-1], dict)]
        ids = {option["id"] for option in options if "id" in option}
        for option in options:
            used = set(re.findall(r"[a-z]\w*", option.get("expression", "")))
            assert used <= ids, option


def test_every_alarm_stands_on_the_dashboard() -> None:
    names = set(of_type("AWS::CloudWatch::Alarm"))
    [alarms] = widgets("alarm")
    assert sorted(alarms["properties"]["alarms"]) == sorted(ALARM_ARN % name for name in names - {"SilenceAlarm"})
    dashboard = original()["Resources"]["Dashboard"]["Properties"]
    too = dashboard["DashboardBody"]["Fn::Sub"][1]["SilenceAlarmToo"]
    condition, present, absent = too["Fn::If"]
    assert (condition, absent) == ("WatchesForSilence", "")
    [with_silence] = [widget for widget in body(present["Fn::Sub"])["widgets"] if widget["type"] == "alarm"]
    assert ALARM_ARN % "SilenceAlarm" in with_silence["properties"]["alarms"]
    # CloudWatch takes 100 alarms of a widget.
    assert len(with_silence["properties"]["alarms"]) == len(names) <= 100


def test_widgets_lie_beside_each_other_and_none_has_too_many_metrics() -> None:
    places = [(widget["x"], widget["y"], widget["width"], widget["height"]) for widget in body()["widgets"]]
    for x, _, width, _ in places:
        assert x >= 0
        assert x + width <= COLUMNS
    for (x, y, width, height), (other_x, other_y, other_width, other_height) in combinations(places, 2):
        beside = x + width <= other_x or other_x + other_width <= x
        assert beside or y + height <= other_y or other_y + other_height <= y
    assert all(len(widget["properties"]["metrics"]) <= MAX_METRICS for widget in widgets("metric"))


def test_dashboard_bears_the_stacks_name_and_is_an_output() -> None:
    [dashboard] = of_type("AWS::CloudWatch::Dashboard").values()
    assert dashboard["Properties"]["DashboardName"] == {"Ref": "AWS::StackName"}
    assert original()["Outputs"]["DashboardName"]["Value"] == {"Ref": "Dashboard"}
    assert "Condition" not in dashboard


def test_queries_parse_and_read_logs_of_the_stack() -> None:
    for name, query in queries().items():
        assert parse(query).fields, name
    groups = of_type("AWS::Logs::LogGroup")
    for widget in widgets("log"):
        [source] = re.findall(r"^SOURCE '\$\{(\w+)\}' \| ", widget["properties"]["query"])
        assert source in groups
    for name, query in of_type("AWS::Logs::QueryDefinition").items():
        assert {group["Ref"] for group in query["Properties"]["LogGroupNames"]} <= groups.keys(), name
        assert query["Properties"]["Name"]["Fn::Sub"].startswith("${AWS::StackName}/"), name


def test_worst_endpoints_on_the_dashboard_are_those_of_the_saved_query() -> None:
    [widget] = widgets("log")
    shown = widget["properties"]["query"].partition(" | ")[2]
    saved = of_type("AWS::Logs::QueryDefinition")["WorstEndpointsQuery"]["Properties"]["QueryString"]
    assert shown == " ".join(saved.split())


@pytest.mark.parametrize(
    "text",
    ["find x", "fields a | limit 0", "stats median(x) by y", "filter (a = 1", "fields a |"],
)
def test_parser_refuses_what_is_no_query(text: str) -> None:
    with pytest.raises(InvalidQuery):
        parse(text)


def test_parser_tells_fields_from_what_a_query_makes() -> None:
    query = parse('filter level = "x y" | stats count(*) as lines, max(ms) by host | sort lines desc')
    assert (query.fields, query.made) == ({"level", "ms", "host"}, {"lines"})
