"""A proxy between the functions and the local AWS, which counts their calls and breaks calls by rule.

The functions get the proxy's address for AWS's (`running_stack(..., aws_proxy=...)`). Tests publish and look at tables
through the local AWS itself, so a broken AWS never breaks a test's own view. A fault sees the call and decides: answer
in AWS's place, forward the call and spoil the answer, or drop the connection. `with aws_proxy.rule(throttled, ...)`
holds for the block. `aws_errors` says what each service's errors look like.

The proxy runs on a thread and an event loop of its own. It understands of a call only the operation's name and the
tables, and it never makes a call itself.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from .aws_errors import Answer, collection_full, conflict, server_error, throttling
from .http_server import running_http_server
from .upstream import Upstream

_SERVICES = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}


@dataclass(frozen=True)
class Call:
    """One request of the function to AWS."""

    service: str
    operation: str
    tables: frozenset[str]
    """The DynamoDB tables that the call concerns."""
    said: dict[str, Any]
    """Its parameters."""
    text: str
    """The body as it was sent, in which a rule looks for a business's id."""

    @property
    def name(self) -> str:
        """The operation, by which calls are counted."""
        return f"{self.service}.{self.operation}"


Forward = Callable[[], Awaitable[Answer]]
Fault = Callable[[Call, Forward], Awaitable[Answer | None]]
"""Gives the answer to a call, or None to reset its connection. A fault need not forward the call."""


async def broken(call: Call, _forward: Forward) -> Answer:
    """Answer with the service's own internal error."""
    return server_error(call.service)


async def throttled(call: Call, _forward: Forward) -> Answer:
    """Answer that there are too many requests."""
    return throttling(call.service)


async def conflicting(_call: Call, _forward: Forward) -> Answer:
    """Answer that the condition of a write does not hold."""
    return conflict()


async def full(call: Call, forward: Forward) -> Answer:
    """Take no write that sets anything, as a table does with items of one business that have grown to their limit."""
    return collection_full() if "SET" in call.said.get("UpdateExpression", "") else await forward()


async def lost_request(_call: Call, _forward: Forward) -> None:
    """Reset the connection; the service never hears of the call."""
    return


async def lost_answer(_call: Call, forward: Forward) -> None:
    """Reset the connection after the service has done what it was asked."""
    await forward()


def late(seconds: float) -> Fault:
    """Make a fault that forwards after a while."""

    async def fault(_call: Call, forward: Forward) -> Answer:
        await asyncio.sleep(seconds)
        return await forward()

    return fault


def unprocessed(table: str) -> Fault:
    """Make a fault that leaves a table out of a batch's answer, as DynamoDB does when only that one is throttled."""

    async def fault(call: Call, forward: Forward) -> Answer:
        answer = await forward()
        asked = call.said["RequestItems"]
        if table not in asked or answer.status != 200:
            return answer
        said = json.loads(answer.body)
        said.get("Responses", {}).pop(table, None)
        said["UnprocessedKeys"] = said.get("UnprocessedKeys", {}) | {table: asked[table]}
        return Answer(200, "application/x-amz-json-1.0", json.dumps(said).encode())

    return fault


class Gate:
    """Holds calls up: before they are forwarded, or after, when only the answer is missing.

    A call whose caller is killed ends at the gate. The other calls go on when the gate opens.
    """

    def __init__(self, *, answered: bool = False) -> None:
        self.waiting = 0
        """How many calls are held up now."""
        self.is_open = False
        self._answered = answered

    async def __call__(self, _call: Call, forward: Forward) -> Answer:
        """Wait for the opening."""
        answer = await forward() if self._answered else None
        self.waiting += 1
        try:
            while not self.is_open:
                await asyncio.sleep(0.01)
        finally:
            self.waiting -= 1
        return answer or await forward()


@dataclass
class Rule:
    """The calls that a fault befalls: those that agree with every condition that is given."""

    fault: Fault
    operations: tuple[str, ...] = ()
    """The operations' names, such as `UpdateItem`; none: every operation."""
    table: str | None = None
    about: str | None = None
    """A text that the call contains, such as a business's id."""
    share: float = 1
    """The share of the agreeing calls that fail, chosen by chance."""
    times: int | None = None
    """At most so many calls fail."""
    hits: int = field(default=0, init=False)

    def befalls(self, call: Call, chance: random.Random) -> bool:
        """Tell whether this call is to fail, and count it if so."""
        agrees = (
            (not self.operations or call.operation in self.operations)
            and (self.table is None or self.table in call.tables)
            and (self.about is None or self.about in call.text)
            and (self.times is None or self.hits < self.times)
            and (self.share >= 1 or chance.random() < self.share)
        )
        self.hits += agrees
        return agrees


class AwsProxy:
    """The proxy's rules, and its counts of calls."""

    def __init__(self, seed: int = 0) -> None:
        self.endpoint = ""
        self.forward_to = ""
        """The endpoint of the local AWS, once there is one."""
        self._chance = random.Random(seed)
        self._rules: tuple[Rule, ...] = ()
        self._tallies: tuple[Tally, ...] = ()
        self._upstream = Upstream()

    @contextmanager
    def rule(self, fault: Fault, *operations: str, **further: Any) -> Iterator[Rule]:  # noqa: ANN401 - a rule's fields
        """Apply a fault to calls for as long as the block lasts. A later rule goes before an earlier one."""
        rule = Rule(fault, operations, **further)
        self._rules = (rule, *self._rules)
        try:
            yield rule
        finally:
            self._rules = tuple(other for other in self._rules if other is not rule)
            if isinstance(fault, Gate):
                fault.is_open = True

    @contextmanager
    def tally(self, about: str | None = None) -> Iterator["Tally"]:
        """Count the calls that come in the block, all or those that contain a text."""
        tally = Tally(about)
        self._tallies = (*self._tallies, tally)
        try:
            yield tally
        finally:
            self._tallies = tuple(other for other in self._tallies if other is not tally)

    async def handle(self, path: str, headers: dict[bytes, bytes], body: bytes) -> bytes | None:
        """Answer one request of the function."""
        call = _read(headers, body)

        async def forward() -> Answer:
            return await self._ask(call, path, headers, body)

        for tally in self._tallies:
            tally.count(call)
        rule = next((rule for rule in self._rules if rule.befalls(call, self._chance)), None)
        try:
            answer = await (rule.fault(call, forward) if rule else forward())
        except OSError:
            # The local AWS is gone, as it is when a stack ends while the function is at work.
            answer = None
        return answer.response() if answer else None

    async def _ask(self, _call: Call, path: str, headers: dict[bytes, bytes], body: bytes) -> Answer:
        return await self._upstream.ask(self.forward_to, path, headers, body)


class Tally:
    """How often each operation was called."""

    def __init__(self, about: str | None) -> None:
        self.calls: Counter[str] = Counter()
        self._about = about

    def count(self, call: Call) -> None:
        """Count a call if it contains the text."""
        if self._about is None or self._about in call.text:
            self.calls[call.name] += 1


def _read(headers: dict[bytes, bytes], body: bytes) -> Call:
    text = body.decode(errors="replace")
    if target := headers.get(b"x-amz-target"):
        prefix, _, operation = target.decode().rpartition(".")
        said = json.loads(body or b"{}")
        tables = frozenset(said.get("RequestItems", ())) | {said.get("TableName")} - {None}
        return Call(_SERVICES.get(prefix, prefix), operation, tables, said, text)
    # SNS alone still speaks the query protocol.
    form = {name: values[0] for name, values in parse_qs(text).items()}
    return Call("sns", form.get("Action", ""), frozenset(), form, text)


@contextmanager
def running_aws_proxy(seed: int = 0) -> Iterator[AwsProxy]:
    """Run the proxy on loopback for as long as the block lasts; it breaks nothing until it is told to."""
    proxy = AwsProxy(seed)
    with running_http_server(proxy.handle) as proxy.endpoint:
        yield proxy
