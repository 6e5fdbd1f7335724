"""`make invoke EVENT=...`: one invocation of `deliver` with a batch from a file, and its answer.

`cargo lambda watch` plays Lambda's part. The function runs with the deployed function's environment, against the tables
of a running `make run` or of a stack of its own. It is built from the working tree first, so this command is the quick
way to see a change act on an event.

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
from .building import BOOTSTRAP, build
from .ministack import HOST, free_port
from .processes import Failure, command, finish, running, tail, until
from .run import STATE, demo_business, show, step
from .stack import Stack, running_stack

UNNAMED = "_"
"""cargo lambda's name for a function that it does not start itself."""


def main() -> int:
    """Invoke `deliver` once, and return the command's status."""
    parser = argparse.ArgumentParser(prog="make invoke")
    parser.add_argument("event", type=Path)
    event = parser.parse_args().event
    if not event.is_file():
        raise Failure(f"There is no file {event}.")
    if held := running_demo():
        print("Using the stack of the running `make run`; its terminal shows what arrives.")
        with step("Building the functions"):
            build()
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
    """Run the function that was built, invoke it with one event, and return its answer."""
    env = environment.using(stack.endpoint) | stack.function["Environment"]["Variables"]
    port = free_port()
    at = [f"--invoke-address={HOST}", f"--invoke-port={port}"]
    lambda_log, function_log = environment.RUN / "watch.log", environment.RUN / "invoked.log"
    with ExitStack() as lasting:
        watch = ["cargo", "lambda", "watch", "--only-lambda-apis", *at]
        server = lasting.enter_context(running(watch, env, lambda_log, environment.ROOT))
        until(lambda: server.poll() is not None or _listening(port), 60, "The start of cargo lambda watch")
        if server.poll() is not None:
            raise Failure(f"cargo lambda watch ended at once\n{tail(lambda_log)}")
        variables = env | _lambda_variables(port)
        lasting.enter_context(running([str(BOOTSTRAP)], variables, function_log, environment.ROOT))
        argv = ["cargo", "lambda", "invoke", *at, f"--data-file={event.resolve()}", UNNAMED]
        return finish(argv, env, environment.RUN / "invoke.log", environment.ROOT, "cargo lambda invoke", 300).strip()


def _lambda_variables(port: int) -> dict[str, str]:
    return {
        "AWS_LAMBDA_RUNTIME_API": f"http://{HOST}:{port}/.rt",
        "AWS_LAMBDA_FUNCTION_NAME": UNNAMED,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/local",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
    }


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
