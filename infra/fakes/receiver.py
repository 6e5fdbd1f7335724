"""A business's endpoint on loopback: a real HTTP server that records what arrives and answers as it is told.

Every path is an endpoint of its own with a script of answers, one for each attempt; the last one repeats, and a path
without a script answers 200. So any number of tests share one receiver without seeing each other.

The receiver verifies no signature (`signatures` does) and understands no event.
"""

import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from infra.local.processes import Failure


class Manner(Enum):
    """How an answer is given, for the ways in which real receivers misbehave."""

    WHOLE = auto()
    DRIP = auto()
    """Status and headers, then one byte of the body every now and then, without end."""
    ENDLESS = auto()
    """Status and headers, then a body as fast as it is taken, without end."""
    CUT = auto()
    """Status, headers that promise more, half of the body, and the connection is closed."""
    HANG = auto()
    """The request is read, and nothing is ever said."""
    DRIP_HEADERS = auto()
    """The status, then one byte of a header every now and then, without end."""
    CUT_HEADERS = auto()
    """The status and half a header, and the connection is closed."""
    RESET = auto()
    """The request is read, and the connection is reset."""
    GARBAGE = auto()
    """Something that is not HTTP."""
    RAW = auto()
    """The body is all of the answer, its status line and headers included."""


@dataclass(frozen=True)
class Answer:
    """How to answer one request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    manner: Manner = Manner.WHOLE


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    fields: list[tuple[str, str]]
    """Header names and values in their order and spelling."""
    body: bytes
    at: float
    """Seconds since the epoch when it had been read."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers by their names in lower case."""
        return {name.lower(): value for name, value in self.fields}


class Receiver:
    """The requests that have arrived at each path, and the answers of each path."""

    def __init__(self) -> None:
        self.url = ""
        self.closing = threading.Event()
        self._changed = threading.Condition()
        self._received: defaultdict[str, list[Received]] = defaultdict(list)
        self._scripts: dict[str, list[Answer]] = {}

    def script(self, path: str, *answers: Answer) -> str:
        """Set the answers of a path, and return its URL."""
        with self._changed:
            self._scripts[path] = list(answers)
        return self.url + path

    def at(self, path: str) -> list[Received]:
        """Give what has arrived at a path, in order."""
        with self._changed:
            return list(self._received[path])

    def wait(self, path: str, count: int = 1, seconds: float = 30) -> list[Received]:
        """Wait until at least so many requests have arrived at a path, and return them all."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._received[path]) >= count, seconds):
                raise Failure(f"{len(self._received[path])} of {count} requests arrived within {seconds:g} s")
            return list(self._received[path])

    def take(self, received: Received) -> Answer:
        """Record a request and say how to answer it."""
        with self._changed:
            earlier = len(self._received[received.path])
            self._received[received.path].append(received)
            self._changed.notify_all()
            script = self._scripts.get(received.path) or [Answer()]
            return script[min(earlier, len(script) - 1)]


@contextmanager
def running_receiver(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver on loopback for as long as the block lasts."""
    receiver = Receiver()

    class Bound(_Handler):
        to = receiver

    server = ThreadingHTTPServer(("127.0.0.1", port), Bound)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.closing.set()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    to: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        answer = self.to.take(Received(self.command, self.path, self.headers.items(), body, time.time()))
        if answer.delay_s:
            self.to.closing.wait(answer.delay_s)
        # A sender that has given up closes its side; that is its right.
        with suppress(OSError):
            self._answer(answer)

    def do_GET(self) -> None:
        # A redirect that was followed would arrive as a GET: it must be seen.
        self.do_POST()

    def _answer(self, answer: Answer) -> None:
        self.close_connection = answer.manner is not Manner.WHOLE
        match answer.manner:
            case Manner.WHOLE:
                self._head(answer, len(answer.body))
                self.wfile.write(answer.body)
            case Manner.DRIP:
                self._head(answer, 1 << 30)
                self._drip(b"x")
            case Manner.ENDLESS:
                self._head(answer, 1 << 40)
                while not self.to.closing.is_set():
                    self.wfile.write(b"x" * 65536)
            case Manner.CUT:
                self._head(answer, 2 * len(answer.body) + 2)
                self.wfile.write(answer.body + b"x")
            case Manner.HANG:
                self._until_gone()
            case Manner.DRIP_HEADERS:
                self.wfile.write(f"HTTP/1.1 {answer.status} Slow\r\nx-slow: ".encode())
                self._drip(b"x")
            case Manner.CUT_HEADERS:
                self.wfile.write(f"HTTP/1.1 {answer.status} Cut\r\ncontent-".encode())
            case Manner.RESET:
                # Closing with a linger of nothing sends RST instead of FIN, unless the server shuts down first.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.rfile.close()
                self.connection.close()
            case Manner.GARBAGE:
                self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
            case Manner.RAW:
                self.wfile.write(answer.body)

    def _head(self, answer: Answer, length: int) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _drip(self, drop: bytes) -> None:
        while not self.to.closing.wait(0.2):
            self.wfile.write(drop)

    def _until_gone(self) -> None:
        self.connection.settimeout(0.2)
        while not self.to.closing.is_set():
            with suppress(TimeoutError):
                if not self.connection.recv(1):
                    return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Write nothing: what arrived is recorded, and paths carry tokens."""
