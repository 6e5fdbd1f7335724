"""The Lambda Runtime API of one execution environment, from which a function's process takes its invocations.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", version 2018-06-01.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

from infra.local import environment

from .http_server import Received, http_server_on, response, running_loop

_ARN = f"arn:aws:lambda:{environment.REGION}:{environment.ACCOUNT}:function:local"
_PREFIX = "/2018-06-01/runtime/"


class Failed(Exception):
    """The function did not answer: its process ended, ran out of time or reported an error."""


@dataclass
class Invocation:
    """One invocation."""

    id: str
    payload: bytes
    deadline_ms: int
    """The time by which the invocation must have ended, in milliseconds since the epoch."""
    trace_id: str | None = None
    answer: Future[bytes] = field(default_factory=Future)
    """The function's answer, or its failure."""


class RuntimeApi:
    """The invocations of one process, handed over from any thread and answered on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._next: asyncio.Queue[Invocation] = asyncio.Queue()
        self._under_way: dict[str, Invocation] = {}

    def hand_over(self, invocation: Invocation) -> None:
        """Give the process an invocation, after those that were handed over before."""
        self._under_way[invocation.id] = invocation
        self._loop.call_soon_threadsafe(self._next.put_nowait, invocation)

    async def handle(self, request: Received) -> bytes:
        """Answer one request of the process."""
        match request.path.removeprefix(_PREFIX).split("/"):
            case ["invocation", "next"]:
                return await self._hand_out()
            case ["invocation", id_, "response"]:
                if invocation := self._under_way.pop(id_, None):
                    invocation.answer.set_result(request.body)
            case ["invocation", id_, "error"]:
                self._fail(id_, request.body)
            case ["init", "error"]:
                for id_ in list(self._under_way):
                    self._fail(id_, request.body)
        return response(202, b'{"status":"OK"}', [("Content-Type", "application/json")])

    async def _hand_out(self) -> bytes:
        invocation = await self._next.get()
        fields = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", invocation.id),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", _ARN),
        ]
        if invocation.trace_id:
            fields.append(("Lambda-Runtime-Trace-Id", invocation.trace_id))
        return response(200, invocation.payload, fields)

    def _fail(self, id_: str, error: bytes) -> None:
        if invocation := self._under_way.pop(id_, None):
            invocation.answer.set_exception(Failed(error.decode(errors="replace")))


@contextmanager
def running_runtime_api() -> Iterator[tuple[RuntimeApi, str]]:
    """Serve one process for as long as the block lasts, and give the API and its address."""
    with running_loop() as loop:
        api = RuntimeApi(loop)
        with http_server_on(loop, api.handle) as url:
            yield api, url.removeprefix("http://")
