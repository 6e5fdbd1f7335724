"""The logs of the stack: their fields, their retention, and the values that they never contain."""

import json
import re

import pytest

from .template import FUNCTIONS, of_type, reference, resources

STAGE = "AWS::ApiGatewayV2::Stage"
HARMLESS = {
    "$context.requestId",
    "$context.requestTime",
    "$context.identity.sourceIp",
    "$context.httpMethod",
    "$context.routeKey",
    "$context.status",
    "$context.error.responseType",
    "$context.integrationStatus",
    "$context.integrationLatency",
    "$context.responseLatency",
    "$context.responseLength",
}
"""Variables of an HTTP API's access log that contain nothing of the address except the route's name."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_the_function_itself_filters_by_log_level(function: str) -> None:
    properties = resources()[function]["Properties"]
    assert properties["Environment"]["Variables"]["LOG_LEVEL"] == {"Ref": "LogLevel"}
    logging = properties["LoggingConfig"]
    levels = (logging["LogFormat"], logging["ApplicationLogLevel"], logging["SystemLogLevel"])
    assert levels == ("JSON", "DEBUG", "WARN")


def test_every_log_group_has_a_retention() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    assert {name: group["Properties"]["RetentionInDays"] for name, group in groups.items()} == {
        "DeliverLogs": 30,
        "SweepLogs": 30,
        "PortalLogs": 30,
        "NotifyLogs": 30,
        "ApiAccessLogs": 30,
    }


def test_access_log_holds_nothing_of_the_query_string() -> None:
    [stage] = of_type(STAGE).values()
    access = stage["Properties"]["AccessLogSettings"]
    assert reference(access["DestinationArn"]) == "ApiAccessLogs"
    used = set(re.findall(r"\$[\w.{}-]+", access["Format"]))
    assert used <= HARMLESS, "the address contains the token, and a reader of the log could use it"
    # The client, the request, the time, and the outcome.
    for needed in ("identity.sourceIp", "routeKey", "requestTime", "status", "error.responseType", "requestId"):
        assert f"$context.{needed}" in used


def test_line_of_the_access_log_is_one_json_object() -> None:
    [stage] = of_type(STAGE).values()
    line = stage["Properties"]["AccessLogSettings"]["Format"]
    assert "\n" not in line
    assert all(isinstance(value, str) for value in json.loads(line).values())
