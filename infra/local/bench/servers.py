"""The world of a function, reduced to its answers: the Lambda Runtime API, three AWS services and a receiver.

They answer at once and keep nothing, so that what is measured is the function. All run on one event loop in this
process; on two cores the function has one of them to itself.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable

Handler = Callable[[str, dict[bytes, bytes], bytes], Awaitable[bytes]]
"""Takes the request line's path, the headers by lower-case name and the body; gives a whole response."""


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
            found = _body(self._buffer, end + 4, headers)
            if found is None:
                return
            body, after = found
            del self._buffer[:after]
            self._requests.put_nowait((first.split(b" ")[1].decode(), headers, body))

    async def _answer(self, transport: asyncio.Transport) -> None:
        while True:
            transport.write(await self._handler(*await self._requests.get()))


def _body(buffer: bytearray, start: int, headers: dict[bytes, bytes]) -> tuple[bytes, int] | None:
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


class Runtime:
    """The Lambda Runtime API: hands out invocations one after the other, and tells when all are answered."""

    def __init__(self, invocations: list[bytes]) -> None:
        self.first_poll: float | None = None
        self.finished: float | None = None
        self.done = asyncio.Event()
        self.polled = asyncio.Event()
        self.answers: list[bytes] = []
        self._left = list(reversed(invocations))

    async def handle(self, path: str, _headers: dict[bytes, bytes], body: bytes) -> bytes:
        """Answer `next` with an invocation, and take its response."""
        now = asyncio.get_running_loop().time()
        if path.endswith("/invocation/next"):
            self.first_poll = self.first_poll or now
            self.polled.set()
            if not self._left:
                await asyncio.Event().wait()
            deadline = "Lambda-Runtime-Deadline-Ms: 9999999999999\r\n"
            identity = f"Lambda-Runtime-Aws-Request-Id: {len(self._left)}\r\n"
            arn = "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:il-central-1:000000000000:function:deliver\r\n"
            return response(self._left.pop(), deadline + identity + arn)
        self.answers.append(body)
        if not self._left:
            self.finished = now
            self.done.set()
        return response(b"", status="202 Accepted")


class Aws:
    """DynamoDB with one business and no event, Secrets Manager with one secret, and an SQS that takes everything."""

    def __init__(self, url: str, signing_secret: str) -> None:
        item = {
            "business_id": {"S": "demo"},
            "generic_webhook_url": {"S": url},
            "signing_secret": {"S": signing_secret},
        }
        found = {"settings": [item], "deliveries": []}
        self._answers = {
            b"BatchGetItem": json.dumps({"Responses": found, "UnprocessedKeys": {}}).encode(),
            b"UpdateItem": b"{}",
            b"GetSecretValue": json.dumps({"Name": "internal", "SecretString": "k" * 64}).encode(),
            b"ChangeMessageVisibility": b"{}",
            b"SendMessage": json.dumps({"MessageId": "1", "MD5OfMessageBody": ""}).encode(),
        }

    async def handle(self, _path: str, headers: dict[bytes, bytes], _body: bytes) -> bytes:
        """Answer by the operation's name."""
        operation = headers[b"x-amz-target"].rpartition(b".")[2]
        kind = headers.get(b"content-type", b"application/json").decode()
        return response(self._answers[operation], f"Content-Type: {kind}\r\n")


async def receive(_path: str, _headers: dict[bytes, bytes], _body: bytes) -> bytes:
    """Accept a delivery."""
    return response(b"ok")


async def listen(handler: Handler, tls: ssl.SSLContext | None = None) -> tuple[asyncio.Server, int]:
    """Serve on a free loopback port."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(handler), "127.0.0.1", 0, ssl=tls)
    return server, server.sockets[0].getsockname()[1]
