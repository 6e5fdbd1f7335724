"""Whether the account can run as many invocations at once as the stack may ask for.

Where the account cannot, Lambda throttles, and each throttled batch costs its events one of their receives without an
invocation, a log line or an error: after 16 of them an event rests in the dead-letter queue without a record. A new
account has 10 to 50 concurrent executions.

The comparison is of limits, not of use: only the account's owner knows what its other functions need.
"""

from collections.abc import Iterable
from enum import Enum

from infra.local.template import Template

PARAMETER = "MaximumConcurrency"
SPARE = 20
"""For the owner's page and whatever else the account runs."""


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
    """Find the MaximumConcurrency that will be in force: said now, or kept from before, or the template's."""
    said = [value for name, value in map(_override, overrides) if name == PARAMETER]
    return int(said[-1] if said else deployed.get(PARAMETER, template["Parameters"][PARAMETER]["Default"]))


def _override(text: str) -> tuple[str, str]:
    # SAM takes Name=Value, and CloudFormation's own ParameterKey=Name,ParameterValue=Value.
    name, _, value = text.removeprefix("ParameterKey=").replace(",ParameterValue=", "=").partition("=")
    return name, value.strip("\"'")


def told(unreserved: int, wanted: int) -> str:
    """Say what is short, and what to do."""
    return (
        f"This account runs at most {unreserved} invocations at once that no function has reserved; "
        f"{PARAMETER} is {wanted}, and {SPARE} more are for the owner's page and others.\n"
        "Lambda would throttle, which uses up the attempts of events without a trace. Raise the quota "
        "(Service Quotas, AWS Lambda, Concurrent executions),\n"
        f'or deploy with less: make deploy PARAMETERS="{PARAMETER}=..."'
    )
