"""The stack of the second opinion, for as long as its block lasts: `with second_stack(...) as second`.

A `SecondStack` is a `Stack` like the one on MiniStack, so the tests' businesses, owners and dead letters act on either.
Beyond that, a test can put messages into one batch, choose the deadline of an invocation, use up a message's receives,
and break or lose calls to AWS (`second.proxy.rule(...)`). A test sees every invocation, every refusal and every message
that the recursion guard kept from the function.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from infra.local import environment
from infra.local.building import BUILT
from infra.local.processes import until
from infra.local.stack import LOCAL_PARAMETERS, Stack

from .gateway import running_gateway
from .mapping import Batch, Mapping, Queue
from .proxy import Proxy, running_proxy
from .recursion import RecursionGuard
from .resources import Resources
from .runtime import Function
from .servers import Servers, running_servers
from .template import Names, Template

SECONDS = 30
"""The bound of a wait, which only a wait for something that never happens reaches."""
T = TypeVar("T")


@dataclass(frozen=True)
class SecondStack(Stack):
    """The running stack."""

    servers: Servers = field(kw_only=True)
    proxy: Proxy = field(kw_only=True)
    """The proxy between the functions and AWS. A test's own calls do not go through the proxy."""
    deliver: Function = field(kw_only=True)
    portal: Function = field(kw_only=True)
    sweeper: Function = field(kw_only=True)
    mapping: Mapping = field(kw_only=True)
    guard: RecursionGuard = field(kw_only=True)

    def endpoint_of(self, service: str) -> str:
        """Give the endpoint of an AWS service; the attribute `endpoint` is the portal's."""
        return self.servers.of(service)

    def function_log(self, since: float = 0) -> list[str]:  # noqa: ARG002 - few processes write few lines
        """Give everything that `deliver` has written so far."""
        return self.deliver.log()

    def sweep(self) -> dict[str, int]:
        """Invoke `sweep`, as its schedule does, and give the answer."""
        return self.sweeper.invoke({})

    def sweep_log(self) -> list[str]:
        """Give everything that `sweep` has written so far."""
        return self.sweeper.log()

    def portal_log(self) -> list[str]:
        """Give everything that `portal` has written so far."""
        return self.portal.log()

    @property
    def batches(self) -> list[Batch]:
        """Every invocation for messages so far."""
        return list(self.mapping.batches)

    def publish(
        self, *messages: object, group: str = "second", attributes: dict[str, dict[str, str]] | None = None
    ) -> None:
        """Send messages, each with these message attributes. A text is sent unchanged, anything else as JSON."""
        for message in messages:
            body = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
            parameters = {"MessageBody": body, "MessageAttributes": attributes or {}}
            self.queue.send_message(QueueUrl=self.events_url, MessageGroupId=group, **parameters)

    def publish_together(self, *messages: object) -> None:
        """Send up to ten messages so that one invocation gets all of them as its batch."""
        with self._paused_without_visible_messages():
            self.publish(*messages)

    def publish_received(
        self, *messages: tuple[object, int], attributes: dict[str, dict[str, str]] | None = None
    ) -> None:
        """Send messages, each of which has been received so many times, at least once, before `deliver` gets it."""
        with self._paused_without_visible_messages():
            handles = [self._receive(message, receives, attributes) for message, receives in messages]
            for handle in handles:
                self.queue.change_message_visibility(
                    QueueUrl=self.events_url, ReceiptHandle=handle, VisibilityTimeout=0
                )

    @contextmanager
    def _paused_without_visible_messages(self) -> Iterator[None]:
        """Pause the mapping in a moment in which it has taken every message that it can take.

        A message that is hidden now may still become visible during the block.
        """

        def pause() -> ExitStack | None:
            with ExitStack() as pausing:
                pausing.enter_context(self.mapping.paused())
                # A paused mapping would never take a message that is visible now.
                return None if self.counts()["visible"] else pausing.pop_all()

        with self.until(pause, "a queue without visible messages"):
            yield

    def _receive(self, message: object, receives: int, attributes: dict[str, dict[str, str]] | None) -> str:
        self.publish(message, attributes=attributes)
        for visible_after in (*[0] * (receives - 1), 3600):
            answer = self.queue.receive_message(QueueUrl=self.events_url, VisibilityTimeout=visible_after)
            [received] = answer["Messages"]
        return received["ReceiptHandle"]

    @property
    def events_url(self) -> str:
        """The events queue."""
        return self.outputs["EventsQueueUrl"]

    def counts(self) -> dict[str, int]:
        """Count the messages of the events queue: `visible`, `hidden` (by a visibility timeout) and `delayed`."""
        names = {
            "ApproximateNumberOfMessages": "visible",
            "ApproximateNumberOfMessagesNotVisible": "hidden",
            "ApproximateNumberOfMessagesDelayed": "delayed",
        }
        counts = self.queue.get_queue_attributes(QueueUrl=self.events_url, AttributeNames=list(names))["Attributes"]
        return {name: int(counts[attribute]) for attribute, name in names.items()}

    def is_idle(self) -> bool:
        """Tell whether no message is left and no invocation is under way."""
        # One answer counts the visible first, then the hidden, so it misses a message that becomes visible in between.
        counts = [*self.counts().values(), *self.counts().values()]
        return not any(counts) and all(batch.seconds is not None for batch in self.batches)

    def until(self, condition: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
        """Wait for a condition to give something true, and return it."""
        return until(condition, seconds, what)


@contextmanager
def second_stack(
    parameters: dict[str, str] | None = None,
    *,
    logs: Path = environment.RUN / "second",
    recursive_loop: str | None = "as built",
) -> Iterator[SecondStack]:
    """Run the functions that `build` built against the stand-ins.

    Parameters are the template's. The recursion guard takes the `RecursiveLoop` of `deliver` in the built template,
    unless it gets `Allow`, `Terminate` or None, which stands for a function without that property.
    """
    template = Template(BUILT / "template.yaml", LOCAL_PARAMETERS | (parameters or {}))
    with ExitStack() as lasting:
        servers = lasting.enter_context(running_servers(logs))
        proxy = lasting.enter_context(running_proxy(servers))
        behind_the_gateway: list[Function] = []
        url = lasting.enter_context(running_gateway(behind_the_gateway))
        # A stack without outputs, for its clients.
        bare = Bare(url, {}, servers=servers)
        names = Resources(template, bare.client).create() | {"Api": {"Ref": "second", "ApiEndpoint": url}}
        names |= {name: {"Ref": name} for name in template.resources("AWS::Lambda::Function")}
        deliver = _function(template, "DeliverFunction", names, proxy, logs)
        portal = _function(template, "PortalFunction", names, proxy, logs)
        sweeper = _function(template, "SweepFunction", names, proxy, logs)
        for function in (deliver, portal, sweeper):
            lasting.callback(function.close)
        behind_the_gateway.append(portal)
        if recursive_loop == "as built":
            recursive_loop = template.resources("AWS::Lambda::Function")["DeliverFunction"].get("RecursiveLoop")
        guard = RecursionGuard(deliver.name, recursive_loop)
        mapping = _mapping(template, names, bare, deliver, guard)
        second = SecondStack(
            url,
            template.outputs(names),
            servers=servers,
            proxy=proxy,
            deliver=deliver,
            portal=portal,
            sweeper=sweeper,
            mapping=mapping,
            guard=guard,
        )
        with mapping.running():
            yield second


@dataclass(frozen=True)
class Bare(Stack):
    """The stand-ins without functions: clients for each service."""

    servers: Servers = field(kw_only=True)

    def endpoint_of(self, service: str) -> str:
        """Give the endpoint of an AWS service."""
        return self.servers.of(service)


def _function(template: Template, id_: str, names: Names, proxy: Proxy, logs: Path) -> Function:
    properties = template.resources("AWS::Lambda::Function")[id_]
    variables = template.resolve(properties["Environment"]["Variables"], names)
    return Function(
        name=id_.removesuffix("Function").lower(),
        program=BUILT / id_ / "bootstrap",
        variables={name: str(value) for name, value in variables.items()} | {"AWS_ENDPOINT_URL": proxy.endpoint},
        timeout_s=properties["Timeout"],
        logs=logs,
    )


def _mapping(template: Template, names: Names, bare: Stack, deliver: Function, guard: RecursionGuard) -> Mapping:
    [properties] = template.resources("AWS::Lambda::EventSourceMapping").values()
    properties = template.resolve(properties, names)
    [queue] = (named for named in names.values() if named.get("Arn") == properties["EventSourceArn"])
    return Mapping(properties, Queue(bare.queue, queue["Ref"], queue["Arn"]), deliver, guard)
