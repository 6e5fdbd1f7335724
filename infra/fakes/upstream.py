"""The proxy's way to the local AWS: HTTP/1.1 over connections that are kept for the next call.

A request is forwarded as it came, its signature included. Of the answer, clients get what they look at.
"""

import asyncio
from urllib.parse import urlsplit

from .aws_errors import Answer
from .http_server import body_of

_KEPT = (b"host", b"content-length", b"transfer-encoding", b"connection")
"""Headers that are the connection's, not the call's; `host` is said again as it was."""


class Upstream:
    """A pool of connections, used by one event loop."""

    def __init__(self) -> None:
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, endpoint: str, path: str, headers: dict[bytes, bytes], body: bytes) -> Answer:
        """Forward one call and give its answer."""
        lines = [b"POST " + path.encode() + b" HTTP/1.1", b"host: " + headers.get(b"host", b"localhost")]
        lines += [name + b": " + value for name, value in headers.items() if name not in _KEPT]
        request = b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", b""]) + body
        reader, writer = await self._connection(endpoint)
        try:
            writer.write(request)
            answer, is_kept = await _answer(reader)
        except BaseException:
            writer.close()
            raise
        if is_kept:
            self._idle.append((reader, writer))
        else:
            writer.close()
        return answer

    async def _connection(self, endpoint: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        to = urlsplit(endpoint)
        return await asyncio.open_connection(to.hostname, to.port)


async def _answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the local AWS closed the connection") from error
    first, *lines = head.strip().split(b"\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    buffer = bytearray()
    while (found := body_of(buffer, 0, headers)) is None:
        more = await reader.read(65536)
        if not more:
            raise ConnectionError("the local AWS closed the connection")
        buffer += more
    further = b"".join(b"%s: %s\r\n" % (name, headers[name]) for name in _SAID_AGAIN if name in headers)
    kind = headers.get(b"content-type", b"application/json").decode()
    answer = Answer(int(first.split(b" ")[1]), kind, found[0], further.decode())
    return answer, headers.get(b"connection", b"").lower() != b"close"


_SAID_AGAIN = (b"x-amz-crc32", b"x-amzn-query-error", b"x-amzn-errortype", b"x-amzn-requestid")
