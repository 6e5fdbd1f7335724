"""The proxy's way to the local AWS: HTTP/1.1 over connections that are kept for the next call.

A request is forwarded as it came, its signature included. Of the response, clients get the headers that they read.
"""

import asyncio
from collections import defaultdict
from urllib.parse import urlsplit

from .aws_errors import AwsResponse
from .http_server import Received, body_of, parse_head

_OF_THE_CONNECTION = ("host", "content-length", "transfer-encoding", "connection")
"""Request headers that are not forwarded; `host` is, but as the first."""

_FORWARDED = ("content-type", "x-amz-crc32", "x-amzn-query-error", "x-amzn-errortype", "x-amzn-requestid")
"""Response headers that clients read."""

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Upstream:
    """A pool of connections for each endpoint, used by one event loop."""

    def __init__(self) -> None:
        self._idle: defaultdict[str, list[_Connection]] = defaultdict(list)

    async def ask(self, endpoint: str, request: Received, body: bytes) -> AwsResponse:
        """Forward one request with a body that may be another, and give the response."""
        lines = [f"POST {request.path} HTTP/1.1", f"host: {request.headers.get('host', 'localhost')}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items() if name not in _OF_THE_CONNECTION]
        reader, writer = await self._connection(endpoint)
        try:
            writer.write("\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body)
            response, is_kept = await _response(reader)
        except BaseException:
            writer.close()
            raise
        if is_kept:
            self._idle[endpoint].append((reader, writer))
        else:
            writer.close()
        return response

    async def _connection(self, endpoint: str) -> _Connection:
        while self._idle[endpoint]:
            reader, writer = self._idle[endpoint].pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        to = urlsplit(endpoint)
        return await asyncio.open_connection(to.hostname, to.port)


async def _response(reader: asyncio.StreamReader) -> tuple[AwsResponse, bool]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the local AWS closed the connection") from error
    first, _, headers = parse_head(head.strip())
    buffer = bytearray()
    while (found := body_of(buffer, 0, headers)) is None:
        more = await reader.read(65536)
        if not more:
            raise ConnectionError("the local AWS closed the connection")
        buffer += more
    fields = [(name, headers[name]) for name in _FORWARDED if name in headers]
    return AwsResponse(int(first.split(" ")[1]), fields, found[0]), headers.get("connection", "").lower() != "close"
