"""A small asynchronous HTTP/1.1 server, for fakes that have to answer thousands of requests in this process.

Connections are kept alive, and the requests of one connection are handled in turn. A handler may also reset the
connection. A handler whose client is gone is cancelled where it waits. The server trusts its clients, which are on this
machine.
"""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

Answer = bytes | AsyncIterator[bytes] | None
"""A whole response, one that comes in pieces and after which the connection is reset, or None to reset it at once."""

Handler = Callable[[str, dict[bytes, bytes], bytes], Awaitable[Answer]]
"""Takes the request's path, the headers by lower-case name and the body."""


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, kept alive, its requests handled in turn."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = bytearray()
        self._requests: asyncio.Queue[tuple[str, dict[bytes, bytes], bytes]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start answering."""
        assert isinstance(transport, asyncio.Transport)
        self._worker = asyncio.ensure_future(self._answer(transport))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the base class's
        """Stop answering."""
        if self._worker:
            self._worker.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what came, and queue each request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
            found = body_of(self._buffer, end + 4, headers)
            if found is None:
                return
            body, after = found
            del self._buffer[:after]
            self._requests.put_nowait((first.split(b" ")[1].decode(), headers, body))

    async def _answer(self, transport: asyncio.Transport) -> None:
        while isinstance(answer := await self._handler(*await self._requests.get()), bytes):
            transport.write(answer)
        if answer is not None:
            async for piece in answer:
                transport.write(piece)
        # Closing with a linger of nothing sends RST instead of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def body_of(buffer: bytearray, start: int, headers: dict[bytes, bytes]) -> tuple[bytes, int] | None:
    """Give the body that begins at `start` and where it ends; None while it is not complete."""
    if headers.get(b"transfer-encoding") != b"chunked":
        after = start + int(headers.get(b"content-length", 0))
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


def response(body: bytes, headers: str = "", status: str = "200 OK") -> bytes:
    """Write a response."""
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def listen(handler: Handler, tls: ssl.SSLContext | None = None) -> tuple[asyncio.Server, int]:
    """Serve on a free loopback port."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(handler), "127.0.0.1", 0, ssl=tls)
    return server, server.sockets[0].getsockname()[1]


@contextmanager
def running_http_server(handler: Handler) -> Iterator[str]:
    """Serve on a thread and an event loop of its own for as long as the block lasts, and give the URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    # Never on the caller's own thread: what drives a browser keeps a loop running there.
    server, port = asyncio.run_coroutine_threadsafe(listen(handler), loop).result()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
