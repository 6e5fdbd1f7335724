"""The processes in which the local stack runs functions, so that tests can count and kill them; and their variables.

The processes are found as children of the stack's own process, never by their name.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .stack import Stack


def running_functions(stack: Stack) -> list[int]:
    """Give the ids of the processes in which functions run."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            # The state and the parent follow the name, which is in brackets and may contain any character.
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == stack.process and state != "Z":
                found.append(int(entry.name))
    return found


def kill(processes: list[int]) -> int:
    """Kill processes without a warning, as the kernel does when memory runs out, and count those that were alive."""
    killed = 0
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            killed += 1
    return killed


@contextmanager
def deliver_with(stack: Stack, **variables: str) -> Iterator[None]:
    """Let `deliver` have other variables for as long as the block lasts. Its processes start anew for that."""
    functions, name = stack.client("lambda"), stack.outputs["DeliverFunctionName"]
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})
