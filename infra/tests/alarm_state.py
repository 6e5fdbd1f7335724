"""The state of an alarm by its properties in the template and the values of its metric, as CloudWatch computes it.

Sources: Amazon CloudWatch User Guide, "Alarm evaluation" and "Using math expressions with CloudWatch metrics"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html). CloudWatch also looks at older
values if the newest are missing; this module does not.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

Values = Sequence[float | None]
"""The values of periods, the newest last. None: the metric has no value in that period."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


def is_alarm(alarm: dict[str, Any], values: Values, *, threshold: float | None = None, periods: int = 0) -> bool:
    """Whether the alarm is on. `threshold` and `periods` stand in for those of the template."""
    periods = periods or alarm["EvaluationPeriods"]
    if "Metrics" in alarm:
        [expression] = [metric["Expression"] for metric in alarm["Metrics"] if "Expression" in metric]
        values = _computed(expression, values)
    assert len(values) >= periods, "too few values"
    breaches = _COMPARISONS[alarm["ComparisonOperator"]]
    limit = alarm["Threshold"] if threshold is None else threshold
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    breaching = [missing if value is None else breaches(value, limit) for value in values[-periods:]]
    return sum(breaching) >= alarm.get("DatapointsToAlarm", periods)


def _computed(expression: str, values: Values) -> Values:
    if re.fullmatch(r"FILL\(\w+, 0\)", expression):
        return [value or 0 for value in values]
    if re.fullmatch(r"DIFF\(FILL\(\w+, 0\)\)", expression):
        filled = [value or 0 for value in values]
        return [None, *(later - earlier for earlier, later in pairwise(filled))]
    raise AssertionError(f"{expression} is an expression that this module does not know")


def matches(pattern: str, line: dict[str, Any]) -> bool:
    """Whether a metric filter counts a log line.

    Of the language only `=` and `!=` between a field and a text are known, joined by `&&`.
    Source: Amazon CloudWatch Logs User Guide, "Using filter patterns to match terms in JSON log events",
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html
    """
    terms = [
        re.fullmatch(r'\$\.(\w+) (!?=) "([^"*%]*)"', term)
        for term in pattern.removeprefix("{ ").removesuffix(" }").split(" && ")
    ]
    known = [term.groups() for term in terms if term]
    assert len(known) == len(terms), f"{pattern} is a pattern that this module does not know"
    return all((line.get(field) == text) is (operator == "=") for field, operator, text in known)
