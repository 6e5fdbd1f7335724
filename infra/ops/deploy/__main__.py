"""The command behind `make deploy`, after the build."""

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import environment, template
from infra.local.processes import Failure, command
from infra.ops import account

from . import capacity, change_set, leftovers, progress, result
from .capacity import Room
from .changes import refuse_losses, table

NAME = "prosaas-webhooks"
TEMPLATE = environment.ROOT / ".aws-sam" / "deploy" / "template.yaml"
CONFIGURATION = environment.ROOT / "infra" / "samconfig.toml"
WELL = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
FIRST = "REVIEW_IN_PROGRESS"
"""The status of a stack that has a change set and nothing else."""


@dataclass(frozen=True)
class Stack:
    """A stack as it is before the deployment."""

    status: str
    parameters: dict[str, str]


def main() -> int:
    """Deploy what the arguments name, and return the command's status."""
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--stack", default=NAME, help="the name of the CloudFormation stack")
    parser.add_argument("--template", type=Path, default=TEMPLATE, help="the template as SAM has built it")
    parser.add_argument("parameters", nargs="*", metavar="Name=Value", help="parameters; others keep their values")
    arguments = parser.parse_args()
    try:
        deploy(arguments.stack, arguments.template, arguments.parameters)
    except (BotoCoreError, ClientError) as error:
        raise Failure(f"AWS refused: {error}") from None
    return 0


def deploy(stack: str, built: Path, parameters: list[str]) -> None:
    """Make a change set, judge it, execute it, and wait for the end."""
    cloudformation = account.client("cloudformation")
    before = existing(cloudformation, stack)
    refuse_status(cloudformation, stack, before)
    check_capacity(built, parameters, before)
    made = change_set.make(built, CONFIGURATION, stack, parameters)
    if made is None:
        print(f"{stack} is up to date: nothing to change.")
        return
    try:
        changes = change_set.changes(cloudformation, made)
        print(f"What the deployment of {stack} changes:\n{table(changes)}", flush=True)
        refuse_losses(changes, answered(os.environ.get("YES", "")), input if sys.stdin.isatty() else None)
    except BaseException:
        change_set.delete(cloudformation, made)
        raise
    status, reasons = progress.run(cloudformation, made, stack)
    if status not in WELL:
        raise Failure(failed(cloudformation, stack, status, reasons))
    result.report(cloudformation, account.client("sns"), stack)


def existing(cloudformation: Any, stack: str) -> Stack | None:  # noqa: ANN401 - boto3 makes its clients at run time
    """Describe the stack, if it exists."""
    try:
        [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        # CloudFormation has no error code for a stack that does not exist.
        if "does not exist" in str(error):
            return None
        raise
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
    return Stack(described["StackStatus"], parameters)


def refuse_status(cloudformation: Any, stack: str, before: Stack | None) -> None:  # noqa: ANN401
    """Fail if the stack's status allows no deployment."""
    if before is None or before.status == FIRST:
        return
    if before.status in leftovers.ONLY_DELETABLE:
        raise Failure(leftovers.explanation(cloudformation, account.client("dynamodb"), stack, before.status))
    if before.status.endswith("_IN_PROGRESS"):
        raise Failure(f"{stack} is being changed ({before.status}); deploy when that has ended.")


def check_capacity(built: Path, parameters: list[str], before: Stack | None) -> None:
    """Fail, or warn, if the account cannot run as many invocations at once as the stack may ask for."""
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    unreserved = limits["UnreservedConcurrentExecutions"]
    wanted = capacity.wanted(parameters, before.parameters if before else {}, template.read(built))
    match capacity.room(unreserved, wanted):
        case Room.TOO_LITTLE:
            raise Failure(f"Refused: {capacity.explanation(unreserved, wanted)}")
        case Room.TIGHT:
            print(f"Warning: {capacity.explanation(unreserved, wanted)}", flush=True)


def answered(text: str) -> frozenset[str]:
    """Read the names of resources that YES allows to be replaced."""
    return frozenset(filter(None, re.split(r"[\s,]+", text)))


def failed(cloudformation: Any, stack: str, status: str, reasons: list[str]) -> str:  # noqa: ANN401
    """Explain why the deployment failed, and what it left."""
    lines = [f"The deployment failed ({status}).", *(f"  {reason}" for reason in reasons)]
    if status in leftovers.ONLY_DELETABLE:
        lines.append(leftovers.explanation(cloudformation, account.client("dynamodb"), stack, status))
    return "\n".join(lines)


if __name__ == "__main__":
    command(main)
