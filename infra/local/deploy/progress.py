"""Executing a change set, and telling how it goes until CloudFormation has ended.

The events of this very execution are told apart from others by a token of its own. It goes on in CloudFormation if the
command is ended.
"""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

STACK = "AWS::CloudFormation::Stack"
POLL_SECONDS = 2.0


def run(cloudformation: Any, change_set: str, stack: str, every: float = POLL_SECONDS) -> tuple[str, list[str]]:  # noqa: ANN401
    """Execute it, print what has been done, and give the stack's status and the reasons of what failed."""
    token = f"deploy-{uuid4()}"
    cloudformation.execute_change_set(ChangeSetName=change_set, ClientRequestToken=token)
    seen: set[str] = set()
    reasons: list[str] = []
    while True:
        for event in _new(cloudformation, stack, token, seen):
            name, status = event["LogicalResourceId"], event["ResourceStatus"]
            if status.endswith("_FAILED"):
                reasons.append(f"{name}: {event.get('ResourceStatusReason', 'CloudFormation gives no reason')}")
            if not status.endswith("_IN_PROGRESS"):
                print(f"  {status.lower()}: {name}", flush=True)
                if event["ResourceType"] == STACK and event.get("PhysicalResourceId") == event["StackId"]:
                    return status, reasons
        time.sleep(every)


def _new(cloudformation: Any, stack: str, token: str, seen: set[str]) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    # The newest come first, and those of the execution are the newest of all.
    fresh = []
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        of_it = [event for event in page["StackEvents"] if event.get("ClientRequestToken") == token]
        fresh += [event for event in of_it if event["EventId"] not in seen]
        if len(of_it) < len(page["StackEvents"]):
            break
    seen |= {event["EventId"] for event in fresh}
    yield from reversed(fresh)
