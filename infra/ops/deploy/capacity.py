"""Whether the account can run as many invocations at once as the stack may ask for.

If the account cannot, Lambda throttles. Each throttled batch costs its events one of their receives, without an
invocation, a log line or an error: after 16 receives an event is in the dead-letter queue without a record. A new
account has 10 to 50 concurrent executions.

This module compares limits, not use: only the account's owner knows what its other functions need.
"""

from collections.abc import Iterable
from enum import Enum

from infra.local.template import Template

PARAMETER = "MaximumConcurrency"
SPARE = 20
"""Concurrent executions for the owner's page and the account's other functions."""


class Room(Enum):
    """The account's limit, compared with the concurrency that the stack may use."""

    ENOUGH = "enough"
    TIGHT = "tight"
    TOO_LITTLE = "too little"


def room(unreserved: int, wanted: int) -> Room:
    """Compare the account's unreserved concurrent executions with the stack's MaximumConcurrency."""
    if unreserved < wanted:
        return Room.TOO_LITTLE
    return Room.TIGHT if unreserved < wanted + SPARE else Room.ENOUGH


def wanted(overrides: Iterable[str], deployed: dict[str, str], template: Template) -> int:
    """Find the MaximumConcurrency after the deployment: as given, as deployed, or the template's default."""
    given = [value for name, value in map(_override, overrides) if name == PARAMETER]
    return int(given[-1] if given else deployed.get(PARAMETER, template["Parameters"][PARAMETER]["Default"]))


def _override(text: str) -> tuple[str, str]:
    # SAM takes Name=Value as well as CloudFormation's ParameterKey=Name,ParameterValue=Value.
    name, _, value = text.removeprefix("ParameterKey=").replace(",ParameterValue=", "=").partition("=")
    return name, value.strip("\"'")


def explanation(unreserved: int, wanted: int) -> str:
    """Explain what the account lacks, and what to do."""
    return (
        f"This account runs at most {unreserved} invocations at once that no function has reserved; "
        f"{PARAMETER} is {wanted}, and {SPARE} more are for the owner's page and others.\n"
        "Lambda would throttle, which uses up the attempts of events without a trace. Raise the quota "
        "(Service Quotas, AWS Lambda, Concurrent executions),\n"
        f'or deploy with less: make deploy PARAMETERS="{PARAMETER}=..."'
    )
