"""Any number of businesses' endpoints on one event loop: each is well, slow, or unwell in a way of its own.

`receiver` follows a script and keeps every request. Fake endpoints draw each answer by chance from what an endpoint may
do. They keep only which event came when, and whether the endpoint took it. A request whose sender dies is over for the
sender, not for the endpoint: once read, an event counts as taken if the endpoint would have taken it.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

from .http_server import Answer, response, running_http_server


class Manner(Enum):
    """What an endpoint does with a request."""

    ACCEPT = auto()
    DRIP = auto()
    """Takes the event and says so, then sends its body byte by byte without end."""
    REFUSE = auto()
    """500."""
    GONE = auto()
    """410."""
    LIE = auto()
    """200 from n8n while it starts up, which drops the event."""
    HANG = auto()
    DRIP_HEADERS = auto()
    RESET = auto()


_TAKING = (Manner.ACCEPT, Manner.DRIP)


@dataclass(frozen=True)
class Conduct:
    """One way to answer."""

    manner: Manner
    delay_s: float = 0
    """Before the answer begins."""


ACCEPT = Conduct(Manner.ACCEPT)


@dataclass(frozen=True)
class Arrival:
    """One request as an endpoint saw it."""

    business_id: str
    event_id: str
    at: float
    """Seconds since the epoch when it had been read."""
    taken: bool


@dataclass(frozen=True)
class Span:
    """The time during which a request was under way, in seconds since the epoch."""

    business_id: str
    began: float
    ended: float


class FakeEndpoints:
    """The endpoints' conduct, and the requests that have arrived."""

    def __init__(self, seed: int) -> None:
        self.url = ""
        self.arrivals: list[Arrival] = []
        self.under_way: Counter[str] = Counter()
        """How many requests each endpoint has not answered yet."""
        self.spans: list[Span] = []
        """How long each request was under way, in the order in which they ended."""
        self._conduct: dict[str, tuple[Conduct, ...]] = {}
        self._chance = random.Random(seed)

    def url_of(self, business_id: str) -> str:
        """Give the URL of a business's endpoint."""
        return f"{self.url}/{business_id}"

    def conduct(self, business_id: str, *choices: Conduct) -> None:
        """Set what an endpoint may do from now on: each request gets one of these by chance.

        An endpoint without a choice accepts.
        """
        self._conduct[business_id] = choices

    def taken(self, business_ids: set[str]) -> Counter[str]:
        """Count how often each event has been taken at these endpoints."""
        return Counter(seen.event_id for seen in list(self.arrivals) if seen.taken and seen.business_id in business_ids)

    async def handle(self, path: str, headers: dict[bytes, bytes], _body: bytes) -> Answer:
        """Answer one delivery."""
        business_id = path.removeprefix("/")
        conduct = self._chance.choice(self._conduct.get(business_id) or (ACCEPT,))
        taken = conduct.manner in _TAKING
        self.arrivals.append(Arrival(business_id, headers[b"webhook-id"].decode(), time.time(), taken))
        self.under_way[business_id] += 1
        began = time.time()
        try:
            # Even a delay of nothing would let every other request go first.
            if conduct.delay_s:
                await asyncio.sleep(conduct.delay_s)
            return await _answer(conduct.manner)
        finally:
            self.under_way[business_id] -= 1
            self.spans.append(Span(business_id, began, time.time()))


_WHOLE = {
    Manner.ACCEPT: response(b"ok"),
    Manner.REFUSE: response(b"no", status="500 Internal Server Error"),
    Manner.GONE: response(b"", status="410 Gone"),
    Manner.LIE: response(b"n8n is starting up. Please wait"),
}
_BEGINNING = {
    Manner.DRIP: b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n",
    Manner.DRIP_HEADERS: b"HTTP/1.1 200 OK\r\nx-slow: ",
}


async def _answer(manner: Manner) -> Answer:
    if manner in _WHOLE:
        return _WHOLE[manner]
    if manner in _BEGINNING:
        return _drip(_BEGINNING[manner])
    if manner is Manner.HANG:
        # Until the sender gives up, which cancels this.
        await asyncio.Event().wait()
    return None


async def _drip(beginning: bytes) -> AsyncIterator[bytes]:
    yield beginning
    while True:
        await asyncio.sleep(0.2)
        yield b"x"


@contextmanager
def running_fake_endpoints(seed: int = 0) -> Iterator[FakeEndpoints]:
    """Run fake endpoints on loopback for as long as the block lasts."""
    endpoints = FakeEndpoints(seed)
    with running_http_server(endpoints.handle) as endpoints.url:
        yield endpoints
