"""A function as Lambda runs it: processes of the compiled program, each with a Runtime API of its own on loopback.

A process asks for its next invocation, answers the invocation or reports an error, and asks again. A process that does
not answer within the function's timeout is killed. The next invocation of that environment starts a new process.

This module knows nothing of queues or HTTP: a function takes a payload and gives an answer.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import LifoQueue
from typing import Any
from uuid import uuid4

from infra.fakes.runtime_api import Failed, Invocation, running_runtime_api
from infra.local import environment
from infra.local.processes import running

_CLOSED_PORT = "http://127.0.0.1:9"


@dataclass
class Function:
    """One function: its program, its variables, its time limits, and its processes."""

    name: str
    program: Path
    variables: dict[str, str]
    timeout_s: float
    """After so many seconds an invocation is killed. Its deadline says the same, unless `announced_s` is set."""
    logs: Path
    announced_s: float | None = None
    """The seconds until the deadline that an invocation is given. Negative: the deadline is over."""
    environments: int = 8
    """The most processes at a time."""
    killed: int = 0
    """How many invocations ran out of time."""
    _started: "list[_Environment]" = field(default_factory=list)
    _starting: threading.Lock = field(default_factory=threading.Lock)
    _idle: "LifoQueue[_Environment | None]" = field(default_factory=LifoQueue)
    """The environment that was used last is used next, as on Lambda. None: an environment without a process."""
    _closed: bool = False

    def __post_init__(self) -> None:
        """Begin without a process."""
        for _ in range(self.environments):
            self._idle.put(None)

    def invoke(self, payload: object, trace_id: str | None = None) -> Any:  # noqa: ANN401 - the function's answer
        """Invoke the function in a free process and give the answer, or raise Failed if there is none."""
        free = self._idle.get()
        try:
            if self._closed:
                raise Failed("this function is closed")
            free = free or self._start_one()
            return free.handle(self._invocation(payload, trace_id))
        finally:
            self._idle.put(None if free is None or free.has_ended() else free)

    @contextmanager
    def deadline_in(self, seconds: float) -> Iterator[None]:
        """Give invocations that begin during the block a deadline in so many seconds, whenever they are killed."""
        before, self.announced_s = self.announced_s, seconds
        try:
            yield
        finally:
            self.announced_s = before

    @contextmanager
    def timeout(self, seconds: float) -> Iterator[None]:
        """Kill invocations that begin during the block after so many seconds."""
        before, self.timeout_s = self.timeout_s, seconds
        try:
            yield
        finally:
            self.timeout_s = before

    def log(self) -> list[str]:
        """Give everything that the function's processes have written so far."""
        texts = (started.log.read_text(errors="replace") for started in list(self._started))
        return [line for text in texts for line in text.splitlines()]

    def close(self) -> None:
        """End the function's processes, and start no more."""
        self._closed = True
        for started in self._started:
            started.close()

    def _invocation(self, payload: object, trace_id: str | None) -> Invocation:
        left = self.timeout_s if self.announced_s is None else self.announced_s
        deadline_ms = int((time.time() + left) * 1000)
        return Invocation(uuid4().hex, json.dumps(payload, ensure_ascii=False).encode(), deadline_ms, trace_id)

    def _start_one(self) -> "_Environment":
        with self._starting:
            started = _Environment(self, len(self._started))
            self._started.append(started)
        return started


class _Environment:
    """One process of a function, started for its first invocation."""

    def __init__(self, function: Function, number: int) -> None:
        self._function = function
        self._lasting = ExitStack()
        self._api, address = self._lasting.enter_context(running_runtime_api())
        variables = {
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            # No request may go through a proxy of this machine's.
            "HTTP_PROXY": _CLOSED_PORT,
            "HTTPS_PROXY": _CLOSED_PORT,
            "ALL_PROXY": _CLOSED_PORT,
        }
        self.log = function.logs / f"{function.name}-{number:03}.log"
        env = environment.minimal() | environment.credentials() | function.variables | variables
        self._process = self._lasting.enter_context(running([str(function.program)], env, self.log, environment.ROOT))

    def handle(self, invocation: Invocation) -> Any:  # noqa: ANN401
        ends = time.monotonic() + self._function.timeout_s
        self._api.hand_over(invocation)
        while not futures.wait([invocation.answer], 0.02).done:
            if self._process.poll() is not None:
                raise Failed(f"{self._function.name} ended with {self._process.returncode}")
            if time.monotonic() >= ends:
                self._function.killed += 1
                self.close()
                raise Failed(f"{self._function.name} was killed after {self._function.timeout_s:g} s")
        return json.loads(invocation.answer.result() or b"null")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def close(self) -> None:
        # At once, as Lambda ends processes: a delivery must not depend on anything that a process does at its end.
        if not self.has_ended():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._lasting.close()
