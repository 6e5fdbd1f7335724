"""The Runtime API of one execution environment: an HTTP server from which its process takes its invocations.

Source: AWS Lambda Developer Guide, "Using the Lambda runtime API", version 2018-06-01.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

from infra.local import environment
from infra.local.ministack import HOST

_ARN = f"arn:aws:lambda:{environment.REGION}:{environment.ACCOUNT}:function:second"
_PREFIX = "/2018-06-01/runtime/"


@dataclass
class Invocation:
    """One invocation, and what came of it."""

    id: str
    payload: bytes
    deadline_ms: int
    trace_id: str | None
    answer: bytes | None = None
    error: bytes | None = None
    answered: threading.Event = field(default_factory=threading.Event)


class RuntimeApi:
    """The invocations handed to the process, and its answers."""

    def __init__(self) -> None:
        self.address = ""
        self._next: Queue[Invocation | None] = Queue()
        self._under_way: dict[str, Invocation] = {}

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["RuntimeApi"]:
        """Serve one process for as long as the block lasts."""
        api = cls()

        class Bound(_Handler):
            of = api

        server = ThreadingHTTPServer((HOST, 0), Bound)
        server.daemon_threads = True
        api.address = f"{HOST}:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield api
        finally:
            api._next.put(None)
            server.shutdown()
            server.server_close()

    def hand_over(self, invocation: Invocation) -> None:
        """Give an invocation to whoever asks next."""
        self._under_way[invocation.id] = invocation
        self._next.put(invocation)

    def next(self) -> Invocation | None:
        """Wait for an invocation; None: there will be none."""
        return self._next.get()

    def end(self, id_: str, *, answer: bytes | None = None, error: bytes | None = None) -> None:
        """Take what came of an invocation."""
        if invocation := self._under_way.pop(id_, None):
            invocation.answer, invocation.error = answer, error
            invocation.answered.set()

    def could_not_start(self, error: bytes) -> None:
        """Take it that the process cannot handle anything."""
        for id_ in list(self._under_way):
            self.end(id_, error=error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for an answer: its head alone would wait for the other side's delayed acknowledgement.
    wbufsize = -1
    of: RuntimeApi

    def do_GET(self) -> None:
        invocation = self.of.next()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": _ARN,
        }
        if invocation.trace_id:
            headers["Lambda-Runtime-Trace-Id"] = invocation.trace_id
        # A process that was killed while it waited takes nothing.
        with suppress(OSError):
            self._answer(200, invocation.payload, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        match self.path.removeprefix(_PREFIX).split("/"):
            case ["invocation", id_, "response"]:
                self.of.end(id_, answer=body)
            case ["invocation", id_, "error"]:
                self.of.end(id_, error=body)
            case ["init", "error"]:
                self.of.could_not_start(body)
        self._answer(202, b'{"status":"OK"}', {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Write nothing."""
