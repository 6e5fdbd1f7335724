"""A function as Lambda runs it: processes of the compiled program, each with a Runtime API of its own on loopback.

A process asks for its next invocation, answers it or says that it failed, and asks again. One that does not answer
within the function's timeout is killed. The next invocation of that environment starts a new process.

This module knows nothing of queues or HTTP: a function takes a payload and gives an answer.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import LifoQueue
from typing import Any
from uuid import uuid4

from infra.local import environment
from infra.local.processes import running

from .runtime_api import Invocation, RuntimeApi

_NOWHERE = "http://127.0.0.1:9"


class Failed(Exception):
    """The function did not answer: it ended, ran out of time or said that it failed."""


@dataclass
class Function:
    """One function: how it is started, how long it may take, and what it was invoked with."""

    name: str
    program: Path
    variables: dict[str, str]
    timeout_s: float
    """After so many seconds an invocation is killed; it is told so unless `told_s` says otherwise."""
    logs: Path
    told_s: float | None = None
    """The seconds that an invocation is told it has left; negative: its deadline is over."""
    environments: int = 8
    """How many processes there are at most."""
    killed: int = 0
    """How many invocations ran out of time."""
    _started: "list[_Environment]" = field(default_factory=list)
    _starting: threading.Lock = field(default_factory=threading.Lock)
    _idle: "LifoQueue[_Environment | None]" = field(default_factory=LifoQueue)
    """The last that was at work is the next, as on Lambda; None stands for one that has no process yet."""
    _closed: bool = False

    def __post_init__(self) -> None:
        """Begin without a process."""
        for _ in range(self.environments):
            self._idle.put(None)

    def invoke(self, payload: object, trace_id: str | None = None) -> Any:  # noqa: ANN401 - the function's answer
        """Invoke it in a process that is free, and give its answer, or raise Failed if it gave none."""
        free = self._idle.get()
        try:
            if self._closed:
                raise Failed("this function is gone")
            free = free or self._start_one()
            return free.handle(self._invocation(payload, trace_id))
        finally:
            self._idle.put(None if free is None or free.has_ended() else free)

    @contextmanager
    def told(self, seconds: float) -> Iterator[None]:
        """Let invocations that begin in the block believe that they have so many seconds left."""
        before, self.told_s = self.told_s, seconds
        try:
            yield
        finally:
            self.told_s = before

    @contextmanager
    def lasting(self, seconds: float) -> Iterator[None]:
        """Let invocations that begin in the block have so many seconds, and be killed after them."""
        before, self.timeout_s = self.timeout_s, seconds
        try:
            yield
        finally:
            self.timeout_s = before

    def log(self) -> list[str]:
        """Everything that its processes have written so far."""
        texts = (started.log.read_text(errors="replace") for started in list(self._started))
        return [line for text in texts for line in text.splitlines()]

    def close(self) -> None:
        """End its processes, and start no more."""
        self._closed = True
        for started in self._started:
            started.close()

    def _invocation(self, payload: object, trace_id: str | None) -> Invocation:
        left = self.timeout_s if self.told_s is None else self.told_s
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
        self._api = self._lasting.enter_context(RuntimeApi.running())
        said = {
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            # Nothing here may go through a proxy of the machine's.
            "HTTP_PROXY": _NOWHERE,
            "HTTPS_PROXY": _NOWHERE,
            "ALL_PROXY": _NOWHERE,
        }
        self.log = function.logs / f"{function.name}-{number:03}.log"
        env = environment.minimal() | environment.credentials() | function.variables | said
        self._process = self._lasting.enter_context(running([str(function.program)], env, self.log, environment.ROOT))

    def handle(self, invocation: Invocation) -> Any:  # noqa: ANN401
        ends = time.monotonic() + self._function.timeout_s
        self._api.hand_over(invocation)
        while not invocation.answered.wait(0.02):
            if self._process.poll() is not None:
                raise Failed(f"{self._function.name} ended with {self._process.returncode}")
            if time.monotonic() >= ends:
                self._function.killed += 1
                self.close()
                raise Failed(f"{self._function.name} was killed after {self._function.timeout_s:g} s")
        if invocation.error is not None:
            raise Failed(invocation.error.decode(errors="replace"))
        return json.loads(invocation.answer or b"null")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def close(self) -> None:
        # At once, as Lambda ends them: nothing that a function does at its end is part of a delivery.
        if not self.has_ended():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._lasting.close()
