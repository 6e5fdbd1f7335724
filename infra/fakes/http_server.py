"""A small asynchronous HTTP/1.1 server, on which every fake of this process answers.

Connections are kept alive, and the requests of one connection are handled in turn. The handler's reply decides how the
connection goes on. When a client closes its connection, the handler of its request is cancelled. Clients are trusted,
since they run on this machine.
"""

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import responses

Fields = list[tuple[str, str]]
"""Header names and values, in their order and spelling."""


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    """The request's path with the query string."""
    fields: Fields
    headers: dict[str, str]
    """The fields by their names in lower case. A repeated header has its last value only."""
    body: bytes
    at: float
    """Seconds since the epoch when the request had been read."""


Reply = bytes | AsyncIterator[bytes] | None
"""A whole response, which keeps the connection, or pieces, after which it is closed, or None, which resets it."""

Handler = Callable[[Received], Awaitable[Reply]]


class _Connection(asyncio.Protocol):
    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = bytearray()
        self._requests: asyncio.Queue[Received] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._worker = asyncio.ensure_future(self._answer())

    def connection_lost(self, _error: Exception | None) -> None:
        self._worker.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._buffer[:1].isalpha():
            # No request begins so, but a TLS handshake does.
            self._transport.write(response(400))
            self._transport.close()
            return
        while request := self._next_request():
            self._requests.put_nowait(request)

    def _next_request(self) -> Received | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, fields, headers = parse_head(self._buffer[:end])
        found = body_of(self._buffer, end + 4, headers)
        if found is None:
            return None
        body, after = found
        del self._buffer[:after]
        method, path, _ = first.split(" ")
        return Received(method, path, fields, headers, body, time.time())

    async def _answer(self) -> None:
        try:
            while isinstance(reply := await self._handler(await self._requests.get()), bytes):
                self._transport.write(reply)
            if reply is None:
                # Closing with a linger of nothing sends RST instead of FIN.
                linger = struct.pack("ii", 1, 0)
                self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._transport.abort()
                return
            async for piece in reply:
                self._transport.write(piece)
                await self._writable.wait()
        finally:
            self._transport.close()


def parse_head(head: bytes) -> tuple[str, Fields, dict[str, str]]:
    """Give the first line of a request or response, its header fields, and these by names in lower case."""
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return first, fields, {name.lower(): value for name, value in fields}


def body_of(buffer: bytearray, start: int, headers: dict[str, str]) -> tuple[bytes, int] | None:
    """Give the body that begins at `start` and where it ends; None while it is not complete."""
    if headers.get("transfer-encoding") != "chunked":
        after = start + int(headers.get("content-length", 0))
        return (bytes(buffer[start:after]), after) if len(buffer) >= after else None
    body = bytearray()
    while (line := buffer.find(b"\r\n", start)) >= 0:
        length = int(buffer[start:line], 16)
        start = line + 2 + length + 2
        if len(buffer) < start:
            return None
        if length == 0:
            return bytes(body), start
        body += buffer[line + 2 : start - 2]
    return None


def head(status: int, fields: Iterable[tuple[str, str]], length: int) -> bytes:
    """Write the head of a response whose body has this many bytes."""
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Other')}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode("latin-1")


def response(status: int = 200, body: bytes = b"", fields: Iterable[tuple[str, str]] = ()) -> bytes:
    """Write a whole response."""
    return head(status, fields, len(body)) + body


async def listen(handler: Handler, tls: ssl.SSLContext | None = None) -> tuple[asyncio.Server, int]:
    """Serve on a free loopback port."""
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(handler), "127.0.0.1", 0, ssl=tls)
    return server, server.sockets[0].getsockname()[1]


@contextmanager
def running_http_server(handler: Handler) -> Iterator[str]:
    """Serve on a thread and an event loop of its own for as long as the block lasts, and give the URL."""
    with running_loop() as loop, http_server_on(loop, handler) as url:
        yield url


@contextmanager
def http_server_on(loop: asyncio.AbstractEventLoop, handler: Handler) -> Iterator[str]:
    """Serve on an event loop that runs on another thread for as long as the block lasts, and give the URL."""
    server, port = asyncio.run_coroutine_threadsafe(listen(handler), loop).result()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(server.close)


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop for as long as the block lasts; its tasks end with the block.

    The loop has a thread of its own, since a browser's driver may keep another loop running on the caller's thread.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_cancel_tasks(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _cancel_tasks() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
