"""What a function talks to, reduced to its answers: the Lambda Runtime API, three AWS services and a receiver.

The servers answer at once and keep nothing, so that the figures are the function's. All run on one event loop in this
process; on two cores the function has one of them to itself.
"""

import asyncio
import json

from .http_server import response


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
