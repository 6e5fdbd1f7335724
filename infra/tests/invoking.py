"""One invocation of a built function, in a process of its own, beside a deployed stack.

So a test can give the function another environment, or an invocation that fails, without a change to the stack that
other tests use.
"""

import subprocess
import time
from dataclasses import dataclass
from uuid import uuid4

from infra.fakes.runtime_api import Failed, Invocation, running_runtime_api
from infra.local import environment
from infra.local.building import BUILT
from infra.local.stack import Stack

from .waits import SECONDS

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Invoked:
    """The end of an invocation."""

    failed: bool
    """Whether the function reported an error, which Lambda counts as one of `Errors`."""
    log: list[str]
    """What the function has written."""


def invoke(stack: Stack, function: str, payload: bytes, **variables: str) -> Invoked:
    """Invoke the function of an output, such as `Sweep`, with some of its environment's variables changed."""
    name = stack.outputs[f"{function}FunctionName"]
    configuration = stack.client("lambda").get_function_configuration(FunctionName=name)
    with running_runtime_api() as (api, address):
        lambda_ = {
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_LOG_GROUP_NAME": "local",
        }
        env = environment.using(stack.endpoint) | configuration["Environment"]["Variables"] | lambda_ | variables
        process = subprocess.Popen(
            [BUILT / f"{function}Function" / "bootstrap"], env=env, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            invocation = Invocation(uuid4().hex, payload, int((time.time() + TIMEOUT_SECONDS) * 1000))
            api.hand_over(invocation)
            failed = False
            try:
                invocation.answer.result(SECONDS)
            except Failed:
                failed = True
        finally:
            process.kill()
            output, _ = process.communicate()
    return Invoked(failed, output.decode().splitlines())
