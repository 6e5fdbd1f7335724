"""Executing a change set, and printing its progress until CloudFormation has ended.

A stack is changed by one operation at a time, so the events of this execution are those that were not there before. The
execution continues in CloudFormation if the command is ended.
"""

import time
from typing import Any

STACK = "AWS::CloudFormation::Stack"
POLL_SECONDS = 2.0


def run(cloudformation: Any, change_set: str, stack: str, every: float = POLL_SECONDS) -> tuple[str, list[str]]:  # noqa: ANN401
    """Execute the change set, print each finished step, and give the stack's status and the reasons of failures."""
    seen: set[str] = set()
    _new(cloudformation, stack, seen)
    cloudformation.execute_change_set(ChangeSetName=change_set)
    reasons: list[str] = []
    while True:
        for event in _new(cloudformation, stack, seen):
            name, status = event["LogicalResourceId"], event["ResourceStatus"]
            if status.endswith("_FAILED"):
                reasons.append(f"{name}: {event.get('ResourceStatusReason', 'CloudFormation gives no reason')}")
            if not status.endswith("_IN_PROGRESS"):
                print(f"  {status.lower()}: {name}", flush=True)
                if event["ResourceType"] == STACK and event.get("PhysicalResourceId") == event["StackId"]:
                    return status, reasons
        time.sleep(every)


def _new(cloudformation: Any, stack: str, seen: set[str]) -> list[dict[str, Any]]:  # noqa: ANN401
    # The newest events come first: all pages after one with a known event hold only known events.
    fresh: list[dict[str, Any]] = []
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
        events = page["StackEvents"]
        unseen = [event for event in events if event["EventId"] not in seen]
        fresh += unseen
        if len(unseen) < len(events):
            break
    seen |= {event["EventId"] for event in fresh}
    return fresh[::-1]
