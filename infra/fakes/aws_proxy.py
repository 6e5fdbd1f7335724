"""A proxy between the functions and the local AWS, which counts their calls and breaks calls by rule.

The functions get the proxy's address instead of AWS's (`running_stack(..., aws_proxy=...)`). Tests publish and read
tables through the local AWS itself, so a broken AWS never breaks a test's own view. A fault gets the call and decides:
it answers in AWS's place, forwards the call and changes the answer, or drops the connection. A rule,
`with aws_proxy.rule(throttled, ...)`, holds for its block. `aws_errors` has the form of each service's errors.

The proxy runs on a thread and an event loop of its own. Of a call it reads only the operation's name and the tables. It
never makes a call itself.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from .aws_errors import AwsResponse, collection_full, conflict, json_response, server_error, throttling
from .http_server import Received, running_http_server
from .upstream import Upstream

_SERVICES = {"DynamoDB_20120810": "dynamodb", "AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}


@dataclass(frozen=True)
class Call:
    """One request of a function to AWS."""

    service: str
    operation: str
    tables: frozenset[str]
    """The DynamoDB tables that the call concerns."""
    parameters: dict[str, Any]
    text: str
    """The body as it was sent, in which a rule searches for a business's id."""

    @property
    def name(self) -> str:
        """The operation, by which calls are counted."""
        return f"{self.service}.{self.operation}"


Forward = Callable[[], Awaitable[AwsResponse]]
Fault = Callable[[Call, Forward], Awaitable[AwsResponse | None]]
"""Gives the answer to a call, or None to reset its connection. A fault need not forward the call."""


async def broken(call: Call, _forward: Forward) -> AwsResponse:
    """Answer with the service's own internal error."""
    return server_error(call.service)


async def throttled(call: Call, _forward: Forward) -> AwsResponse:
    """Answer that there are too many requests."""
    return throttling(call.service)


async def conflicting(_call: Call, _forward: Forward) -> AwsResponse:
    """Answer that the condition of a write does not hold."""
    return conflict()


async def full(call: Call, forward: Forward) -> AwsResponse:
    """Refuse every write that sets an attribute, as DynamoDB does once a business's items have grown to their limit."""
    return collection_full() if "SET" in call.parameters.get("UpdateExpression", "") else await forward()


async def lost_request(_call: Call, _forward: Forward) -> None:
    """Reset the connection without forwarding the call."""
    return


async def lost_answer(_call: Call, forward: Forward) -> None:
    """Forward the call, and reset the connection in place of the answer."""
    await forward()


def late(seconds: float, then: Fault | None = None) -> Fault:
    """Make a fault that forwards after a while, or does what another fault does."""

    async def fault(call: Call, forward: Forward) -> AwsResponse | None:
        await asyncio.sleep(seconds)
        return await (then(call, forward) if then else forward())

    return fault


def unprocessed(table: str) -> Fault:
    """Make a fault that leaves a table out of a batch's answer, as DynamoDB does when only that one is throttled."""

    async def fault(call: Call, forward: Forward) -> AwsResponse:
        answer = await forward()
        requested = call.parameters["RequestItems"]
        if table not in requested or answer.status != 200:
            return answer
        items = json.loads(answer.body)
        items.get("Responses", {}).pop(table, None)
        items["UnprocessedKeys"] = items.get("UnprocessedKeys", {}) | {table: requested[table]}
        return json_response(items)

    return fault


class Gate:
    """Holds calls up: before they are forwarded, or `answered`, when only the answer is missing.

    A call whose caller is killed ends at the gate. The other calls go on when the gate opens.
    """

    def __init__(self, *, answered: bool = False) -> None:
        self.held_up = 0
        """How many calls are held up now."""
        self.is_open = False
        self._answered = answered

    async def __call__(self, _call: Call, forward: Forward) -> AwsResponse:
        """Wait for the opening."""
        answer = await forward() if self._answered else None
        self.held_up += 1
        try:
            while not self.is_open:
                await asyncio.sleep(0.01)
        finally:
            self.held_up -= 1
        return answer or await forward()


RECORD_WRITES = ("PutItem", "UpdateItem")
"""The operations that write a record of the ledger: the first write is a PutItem, and the later ones are updates."""


@dataclass
class Rule:
    """The calls that fail by a fault: those that meet every condition of the rule."""

    fault: Fault
    operations: tuple[str, ...] = ()
    """The operations' names, such as `UpdateItem`. Without a name: every operation."""
    service: str | None = None
    """The service, such as `dynamodb`. None: every service."""
    table: str | None = None
    about: str | None = None
    """A text that the call contains, such as a business's id."""
    share: float = 1
    """The share of these calls that fail, chosen by chance."""
    times: int | None = None
    """The most calls that fail."""
    hits: int = field(default=0, init=False)

    def applies_to(self, call: Call, chance: random.Random) -> bool:
        """Tell whether this call is to fail, and count it if so."""
        is_met = (
            (not self.operations or call.operation in self.operations)
            and (self.service is None or self.service == call.service)
            and (self.table is None or self.table in call.tables)
            and (self.about is None or self.about in call.text)
            and (self.times is None or self.hits < self.times)
            and (self.share >= 1 or chance.random() < self.share)
        )
        self.hits += is_met
        return is_met


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
        """Count the calls that arrive during the block: all, or those that contain a text."""
        tally = Tally(about)
        self._tallies = (*self._tallies, tally)
        try:
            yield tally
        finally:
            self._tallies = tuple(other for other in self._tallies if other is not tally)

    async def handle(self, request: Received) -> bytes | None:
        """Answer one request of a function."""
        call = _read(request)

        async def forward() -> AwsResponse:
            return await self._ask(call, request)

        for tally in self._tallies:
            tally.count(call)
        rule = next((rule for rule in self._rules if rule.applies_to(call, self._chance)), None)
        try:
            answer = await (rule.fault(call, forward) if rule else forward())
        except OSError:
            # The local AWS has ended, as when a stack ends while a function is at work.
            answer = None
        return bytes(answer) if answer else None

    async def _ask(self, _call: Call, request: Received) -> AwsResponse:
        return await self._upstream.ask(self.forward_to, request, request.body)


class Tally:
    """How often each operation was called."""

    def __init__(self, about: str | None) -> None:
        self.calls: Counter[str] = Counter()
        self.times: list[tuple[str, float]] = []
        """Each call's service, and when it came, by the monotonic clock."""
        self._about = about

    def count(self, call: Call) -> None:
        """Count a call if it contains the text."""
        if self._about is None or self._about in call.text:
            self.calls[call.name] += 1
            self.times.append((call.service, time.monotonic()))


def _read(request: Received) -> Call:
    text = request.body.decode(errors="replace")
    if target := request.headers.get("x-amz-target"):
        prefix, _, operation = target.rpartition(".")
        parameters = json.loads(text or "{}")
        tables = frozenset(parameters.get("RequestItems", ())) | {parameters.get("TableName")} - {None}
        return Call(_SERVICES.get(prefix, prefix), operation, tables, parameters, text)
    if request.path == "/v2/email/outbound-emails":
        return Call("ses", "SendEmail", frozenset(), {}, text)
    # Only SNS uses the query protocol.
    form = {name: values[0] for name, values in parse_qs(text).items()}
    return Call("sns", form.get("Action", ""), frozenset(), form, text)


@contextmanager
def running_aws_proxy(seed: int = 0) -> Iterator[AwsProxy]:
    """Run the proxy on loopback for as long as the block lasts. Without rules, it breaks no call."""
    proxy = AwsProxy(seed)
    with running_http_server(proxy.handle) as proxy.endpoint:
        yield proxy
