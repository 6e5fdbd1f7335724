"""The endpoints of any number of businesses: one HTTP server on loopback that records requests and answers by script.

Every path is an endpoint of its own, so any number of tests share one receiver without seeing each other. A path
answers by a script, one answer for each request in turn, or by chance, one of several for each request, or by a judge
of the request. A path without answers says 200.

The receiver verifies no signature (`signatures` does) and understands no event.
"""

import asyncio
import random
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from infra.local.processes import Failure

from .http_server import Received, Reply, head, response, running_http_server


class Manner(Enum):
    """How an answer is given, for the ways in which real receivers misbehave."""

    WHOLE = auto()
    DRIP = auto()
    """Status and headers, then one byte of the body every now and then, without end."""
    ENDLESS = auto()
    """Status and headers, then a body as fast as the sender reads it, without end."""
    CUT = auto()
    """Status, headers that promise more, half of the body, and the connection is closed."""
    HANG = auto()
    """The request is read, and no answer is ever given."""
    DRIP_HEADERS = auto()
    """The status, then one byte of a header every now and then, without end."""
    CUT_HEADERS = auto()
    """The status and half a header, and the connection is closed."""
    RESET = auto()
    """The request is read, and the connection is reset."""
    GARBAGE = auto()
    """Bytes that are not HTTP."""
    RAW = auto()
    """The body is all of the answer, its status line and headers included."""


_WITHOUT_END = {Manner.DRIP: (0.2, b"x"), Manner.DRIP_HEADERS: (0.2, b"x"), Manner.ENDLESS: (0, b"x" * 65536)}
"""Seconds before each further piece, and the piece."""

_WITH_STATUS = (Manner.WHOLE, Manner.DRIP, Manner.ENDLESS, Manner.CUT)
"""The manners whose status reaches the sender."""

_N8N_STARTING = b"n8n is starting up"


@dataclass(frozen=True)
class Answer:
    """How to answer one request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    """The seconds before the answer begins."""
    manner: Manner = Manner.WHOLE

    @property
    def accepts(self) -> bool:
        """Whether an endpoint that answers so has taken the event."""
        is_success = self.manner in _WITH_STATUS and 200 <= self.status < 300
        return is_success and not self.body.startswith(_N8N_STARTING)

    async def reply(self) -> Reply:
        """Wait until the answer is to begin, and give its bytes."""
        # Even a sleep of nothing would let every other request go first.
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        match self.manner:
            case Manner.WHOLE:
                return response(self.status, self.body, self.headers.items())
            case Manner.HANG:
                # Until the sender gives up, which cancels the handler.
                await asyncio.Event().wait()
            case Manner.RESET:
                return None
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield self._beginning()
        if self.manner in _WITHOUT_END:
            seconds, piece = _WITHOUT_END[self.manner]
            while True:
                await asyncio.sleep(seconds)
                yield piece

    def _beginning(self) -> bytes:
        match self.manner:
            case Manner.DRIP | Manner.ENDLESS:
                return head(self.status, self.headers.items(), 1 << 40)
            case Manner.CUT:
                return head(self.status, self.headers.items(), 2 * len(self.body) + 2) + self.body + b"x"
            case Manner.DRIP_HEADERS:
                return f"HTTP/1.1 {self.status} Slow\r\nx-slow: ".encode()
            case Manner.CUT_HEADERS:
                return f"HTTP/1.1 {self.status} Cut\r\ncontent-".encode()
            case Manner.GARBAGE:
                return b"SSH-2.0-OpenSSH_9.9\r\n\r\n"
        return self.body


LIE = Answer(body=_N8N_STARTING + b". Please wait")
"""n8n's answer while it starts: a success, although n8n drops the event."""


@dataclass(frozen=True)
class Span:
    """The time during which a request was under way, in seconds since the epoch."""

    began: float
    ended: float
    """When the answer began, or the sender gave up."""


@dataclass
class _Exchange:
    request: Received
    answer: Answer
    ended: float | None = None


class Receiver:
    """The answers of each path, and the requests that have arrived there."""

    def __init__(self, seed: int = 0) -> None:
        self.url = ""
        self._changed = threading.Condition()
        self._chance = random.Random(seed)
        self._choices: dict[str, Callable[[int, Received], Answer]] = {}
        """For each path, the function that chooses the answer by the number of earlier requests and by the request."""
        self._exchanges: defaultdict[str, list[_Exchange]] = defaultdict(list)

    def script(self, path: str, *answers: Answer) -> str:
        """Set the answers to a path's first request, second request and so on; the last repeats. Return its URL."""
        script = answers or (Answer(),)
        return self._choose(path, lambda earlier, _: script[min(earlier, len(script) - 1)])

    def conduct(self, path: str, *answers: Answer) -> str:
        """Answer each request at a path by one of these, chosen by chance. Return its URL."""
        choices = answers or (Answer(),)
        return self._choose(path, lambda *_: self._chance.choice(choices))

    def judge(self, path: str, judge: Callable[[Received], Answer]) -> str:
        """Answer each request at a path as a judge of the request says. Return its URL."""
        return self._choose(path, lambda _, request: judge(request))

    def _choose(self, path: str, choice: Callable[[int, Received], Answer]) -> str:
        with self._changed:
            self._choices[path] = choice
        return self.url + path

    def at(self, path: str) -> list[Received]:
        """Give the requests that have arrived at a path, in order."""
        return [exchange.request for exchange in self._at(path)]

    def accepted(self, path: str) -> list[Received]:
        """Give the requests at a path that the endpoint accepts, also if their sender died before the answer."""
        return [exchange.request for exchange in self._at(path) if exchange.answer.accepts]

    def spans(self, path: str) -> list[Span]:
        """Give when each request at a path was under way, in order of arrival, without those that still are."""
        ended = ((exchange.request.at, exchange.ended) for exchange in self._at(path))
        return [Span(began, end) for began, end in ended if end is not None]

    def under_way(self, path: str) -> int:
        """Count the requests at a path whose answer has not begun."""
        return sum(exchange.ended is None for exchange in self._at(path))

    def wait(self, path: str, count: int = 1, seconds: float = 30) -> list[Received]:
        """Wait until at least so many requests have arrived at a path, and return them all."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._exchanges[path]) >= count, seconds):
                raise Failure(f"{len(self._exchanges[path])} of {count} requests arrived within {seconds:g} s")
        return self.at(path)

    def _at(self, path: str) -> list[_Exchange]:
        with self._changed:
            return list(self._exchanges[path])

    async def handle(self, request: Received) -> Reply:
        """Record one request and answer it."""
        exchange = self._record(request)
        try:
            return await exchange.answer.reply()
        finally:
            exchange.ended = time.time()

    def _record(self, request: Received) -> _Exchange:
        with self._changed:
            earlier, choice = self._exchanges[request.path], self._choices.get(request.path)
            exchange = _Exchange(request, choice(len(earlier), request) if choice else Answer())
            earlier.append(exchange)
            self._changed.notify_all()
            return exchange


@contextmanager
def running_receiver(seed: int = 0) -> Iterator[Receiver]:
    """Run a receiver on loopback for as long as the block lasts; `seed` decides the choices by chance."""
    receiver = Receiver(seed)
    with running_http_server(receiver.handle) as receiver.url:
        yield receiver
