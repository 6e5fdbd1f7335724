"""The logs of the stack: their fields, how long they are kept, and the values that cannot get into them."""

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
"""Variables of an HTTP API's access log that hold nothing of the address but the route's own name."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_only_the_function_itself_filters_by_log_level(function: str) -> None:
    properties = resources()[function]["Properties"]
    assert properties["Environment"]["Variables"]["LOG_LEVEL"] == {"Ref": "LogLevel"}
    logging = properties["LoggingConfig"]
    levels = (logging["LogFormat"], logging["ApplicationLogLevel"], logging["SystemLogLevel"])
    assert levels == ("JSON", "DEBUG", "WARN")


def test_every_log_ends() -> None:
    groups = of_type("AWS::Logs::LogGroup")
    assert {name: group["Properties"]["RetentionInDays"] for name, group in groups.items()} == {
        "DeliverLogs": 30,
        "SweepLogs": 30,
        "PortalLogs": 30,
        "ApiAccessLogs": 30,
    }


def test_access_log_holds_nothing_of_the_query_string() -> None:
    [stage] = of_type(STAGE).values()
    access = stage["Properties"]["AccessLogSettings"]
    assert reference(access["DestinationArn"]) == "ApiAccessLogs"
    used = set(re.findall(r"\$[\w.{}-]+", access["Format"]))
    assert used <= HARMLESS, "the address holds the token, and an access log of it would let its reader in"
    # Who, what, when, and what came of it.
    for needed in ("identity.sourceIp", "routeKey", "requestTime", "status", "error.responseType", "requestId"):
        assert f"$context.{needed}" in used


def test_access_log_is_one_json_object_a_line() -> None:
    [stage] = of_type(STAGE).values()
    line = stage["Properties"]["AccessLogSettings"]["Format"]
    assert "\n" not in line
    assert all(isinstance(value, str) for value in json.loads(line).values())
