"""`make invoke EVENT=...`: one invocation of `deliver` with a batch from a file, and its answer.

The function runs under `cargo lambda watch` with the deployed function's environment, against the tables of a running
`make run` or of a stack of its own. Its code is the working tree's, so this command is the quick way to see a change
act on an event.

The receipt handles in the file are made up: SQS refuses every call with them.
"""

import argparse
import json
import os
import socket
from contextlib import ExitStack
from pathlib import Path

from infra.fakes.receiver import running_receiver

from . import environment
from .building import build
from .ministack import HOST, free_port
from .processes import Failure, command, finish, running, tail, until
from .run import STATE, demo_business, show, step
from .stack import Stack, running_stack


def main() -> int:
    """Invoke `deliver` once, and return the command's status."""
    parser = argparse.ArgumentParser(prog="make invoke")
    parser.add_argument("event", type=Path)
    event = parser.parse_args().event
    if not event.is_file():
        raise Failure(f"There is no file {event}.")
    if held := running_demo():
        print("Using the stack of the running `make run`; its terminal shows what arrives.")
        return _print(invoke(held, event))
    with ExitStack() as lasting:
        with step("Building and deploying a stack for this invocation"):
            build()
            stack = lasting.enter_context(running_stack({}))
        receiver = lasting.enter_context(running_receiver())
        business = demo_business(stack, receiver)
        with step(f"Invoking deliver with {event}"):
            answer = invoke(stack, event)
        for received in receiver.at("/demo"):
            show(received, stack, business)
        return _print(answer)


def invoke(stack: Stack, event: Path) -> str:
    """Run the function of the working tree, invoke it with one event, and return its answer."""
    env = environment.using(stack.endpoint) | stack.function["Environment"]["Variables"]
    port = free_port()
    at = [f"--invoke-address={HOST}", f"--invoke-port={port}"]
    watch = ["cargo", "lambda", "watch", *at, "--ignore-changes", "--locked"]
    log = environment.RUN / "watch.log"
    folder = environment.ROOT / "functions" / "deliver"
    finish(["cargo", "build", "--locked"], env, environment.RUN / "watch.build.log", folder, "cargo build")
    with running(watch, env, log, folder) as process:
        until(lambda: process.poll() is not None or _listening(port), 60, "The start of cargo lambda watch")
        if process.poll() is not None:
            raise Failure(f"cargo lambda watch ended at once\n{tail(log)}")
        argv = ["cargo", "lambda", "invoke", *at, f"--data-file={event.resolve()}", "deliver"]
        return finish(argv, env, environment.RUN / "invoke.log", folder, "cargo lambda invoke", seconds=300).strip()


def running_demo() -> Stack | None:
    """Find the stack of a running `make run`."""
    if not STATE.exists():
        return None
    state = json.loads(STATE.read_text())
    try:
        os.kill(state["process"], 0)
    except ProcessLookupError:
        return None
    return Stack(state["endpoint"], state["outputs"])


def _print(answer: str) -> int:
    print(f"\nAnswer: {answer}")
    return 0


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


if __name__ == "__main__":
    command(main)
