"""The lines of metrics in the functions' logs, read as CloudWatch Logs reads them.

Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format",
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections import Counter
from typing import Any

from .logs import json_lines
from .test_template_readme import rows

NAMESPACE = "ProSaaS/Webhooks"
DIMENSION = "FunctionName"
MAX_VALUES = 100
"""How many values one metric of a line may have."""

Line = dict[str, Any]


def metric_lines(log: list[str]) -> list[Line]:
    """Give the lines of metrics of a log."""
    return [line for line in json_lines(log) if "_aws" in line]


def documented() -> dict[str, tuple[str, set[str]]]:
    """Give each metric's unit and functions, as README has them."""
    found = {}
    for name, cells in rows("metric").items():
        unit, functions, _ = cells.split(" | ", 2)
        found[name] = unit, {function.strip("`") for function in functions.split(", ")}
    return found


def units(line: Line) -> dict[str, str]:
    """Give the unit of each metric of a line, after a check that CloudWatch would take the line."""
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert directive["Namespace"] == NAMESPACE
    # A dimension of a business would make a paid metric of each business.
    assert directive["Dimensions"] == [[DIMENSION]]
    assert isinstance(line[DIMENSION], str)
    for metric in directive["Metrics"]:
        values = line[metric["Name"]] if isinstance(line[metric["Name"]], list) else [line[metric["Name"]]]
        assert 1 <= len(values) <= MAX_VALUES
        assert all(type(value) in (int, float) and value >= 0 for value in values), metric
    return {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}


def totals(log: list[str]) -> Counter[str]:
    """Give the sum of each count of a log; of a time, the number of its values."""
    summed: Counter[str] = Counter()
    for line in metric_lines(log):
        for name in units(line):
            summed[name] += len(line[name]) if isinstance(line[name], list) else line[name]
    return summed
