"""Between the functions and the stand-ins: each service to its own, every refusal written down, trace ids passed on.

SQS keeps the trace id of a SendMessage request's header as the message's system attribute AWSTraceHeader; `moto` takes
the attribute only, so the proxy writes it into the request. The id itself stays as the SDK sent it. Faults can be put
in the way as with `aws_proxy`; what a fault answers in the service's place is no refusal.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.fakes.aws_errors import Answer
from infra.fakes.aws_proxy import AwsProxy, Call, Forward
from infra.fakes.http_server import running_http_server
from infra.fakes.upstream import Upstream

from .servers import Servers

_TRACE = b"x-amzn-trace-id"


@dataclass(frozen=True)
class Refusal:
    """An answer of 400 or above."""

    operation: str
    status: int
    code: str
    """The error's name, without its namespace."""
    said: str
    """The whole answer."""


class Proxy(AwsProxy):
    """The proxy's rules, and what the stand-ins refused."""

    def __init__(self, servers: Servers) -> None:
        super().__init__()
        self.refusals: list[Refusal] = []
        self._servers = servers
        self._upstreams: dict[str, Upstream] = {}

    def unexpected(self) -> list[Refusal]:
        """Give the refusals but those of conditions that did not hold, which are how this system decides races."""
        return [refusal for refusal in self.refusals if refusal.code != "ConditionalCheckFailedException"]

    @contextmanager
    def watching(self, *operations: str) -> Iterator[list[dict[str, Any]]]:
        """Collect the parameters of the calls of these operations that come in the block; they go on as they are."""
        seen: list[dict[str, Any]] = []

        async def watch(call: Call, forward: Forward) -> Answer:
            seen.append(call.said)
            return await forward()

        with self.rule(watch, *operations):
            yield seen

    async def _ask(self, call: Call, path: str, headers: dict[bytes, bytes], body: bytes) -> Answer:
        if call.name == "sqs.SendMessage" and _TRACE in headers:
            attribute = {"DataType": "String", "StringValue": headers[_TRACE].decode()}
            body = json.dumps(call.said | {"MessageSystemAttributes": {"AWSTraceHeader": attribute}}).encode()
        endpoint = self._servers.of(call.service)
        upstream = self._upstreams.setdefault(endpoint, Upstream())
        # Once begun, what the service was asked is done, also if the function dies meanwhile.
        answer = await asyncio.shield(upstream.ask(endpoint, path, headers, body))
        if answer.status >= 400:
            said = answer.body.decode(errors="replace")
            self.refusals.append(Refusal(call.name, answer.status, _code(said), said))
        return answer


def _code(said: str) -> str:
    found = re.search(r'"__type": ?"(?:[^"]*#)?([^"]+)"|<Code>([^<]+)</Code>', said)
    return (found[1] or found[2]) if found else ""


@contextmanager
def running_proxy(servers: Servers) -> Iterator[Proxy]:
    """Run the proxy on loopback for as long as the block lasts; it breaks nothing until it is told to."""
    proxy = Proxy(servers)
    with running_http_server(proxy.handle) as proxy.endpoint:
        yield proxy
