"""The proxy between the functions and the stand-ins: an `AwsProxy` that does three things more.

It forwards each service's calls to that service's own server. It writes every refusal down; an answer that a fault
gives in the service's place is no refusal. And it hands on trace ids: SQS keeps the trace id of a SendMessage request's
header as the message's system attribute AWSTraceHeader, but `moto` takes the attribute only, so the proxy adds the
attribute to the request. The id itself stays as the SDK sent it.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.fakes.aws_errors import AwsResponse
from infra.fakes.aws_proxy import AwsProxy, Call, Forward
from infra.fakes.http_server import Received, running_http_server

from .servers import Servers

_TRACE = "x-amzn-trace-id"


@dataclass(frozen=True)
class Refusal:
    """An answer of 400 or above."""

    operation: str
    status: int
    code: str
    """The error's name, without its namespace."""
    text: str
    """The whole answer."""


class Proxy(AwsProxy):
    """The proxy's rules, and the stand-ins' refusals."""

    def __init__(self, servers: Servers) -> None:
        super().__init__()
        self.refusals: list[Refusal] = []
        self._servers = servers

    def unexpected(self) -> list[Refusal]:
        """Give the refusals without those of conditions that did not hold, by which the functions decide races."""
        return [refusal for refusal in self.refusals if refusal.code != "ConditionalCheckFailedException"]

    @contextmanager
    def watching(self, *operations: str) -> Iterator[list[dict[str, Any]]]:
        """Collect the parameters of the calls of these operations during the block; the calls go on unchanged."""
        seen: list[dict[str, Any]] = []

        async def watch(call: Call, forward: Forward) -> AwsResponse:
            seen.append(call.parameters)
            return await forward()

        with self.rule(watch, *operations):
            yield seen

    async def _ask(self, call: Call, request: Received) -> AwsResponse:
        body, trace_id = request.body, request.headers.get(_TRACE)
        if call.name == "sqs.SendMessage" and trace_id:
            attribute = {"DataType": "String", "StringValue": trace_id}
            body = json.dumps(call.parameters | {"MessageSystemAttributes": {"AWSTraceHeader": attribute}}).encode()
        # A service completes a call also if the function dies meanwhile.
        answer = await asyncio.shield(self._upstream.ask(self._servers.of(call.service), request, body))
        if answer.status >= 400:
            text = answer.body.decode(errors="replace")
            self.refusals.append(Refusal(call.name, answer.status, _code(text), text))
        return answer


def _code(answer: str) -> str:
    found = re.search(r'"__type": ?"(?:[^"]*#)?([^"]+)"|<Code>([^<]+)</Code>', answer)
    return (found[1] or found[2]) if found else ""


@contextmanager
def running_proxy(servers: Servers) -> Iterator[Proxy]:
    """Run the proxy on loopback for as long as the block lasts. Without rules, it breaks no call."""
    proxy = Proxy(servers)
    with running_http_server(proxy.handle) as proxy.endpoint:
        yield proxy
