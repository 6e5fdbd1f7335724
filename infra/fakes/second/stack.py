"""The stack of the second opinion, for as long as its block lasts: `with second_stack(...) as second`.

A `SecondStack` is a `Stack` like the one on MiniStack, so businesses, owners and dead letters act on either. Beyond
that, a test can have messages come together, say how long an invocation believes it has, wear a message's receives out,
and break or lose calls to AWS (`second.proxy.rule(...)`). A test sees every invocation, every refusal and every message
that the recursion guard kept back.
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
from .resources import Made
from .runtime import Function
from .servers import Servers, running_servers
from .template import Names, Template

SECONDS = 30
"""The bound of a wait, far longer than anything takes."""
T = TypeVar("T")


@dataclass(frozen=True)
class SecondStack(Stack):
    """The running stack."""

    servers: Servers = field(kw_only=True)
    proxy: Proxy = field(kw_only=True)
    """Between the functions and AWS; a test's own calls do not pass it."""
    deliver: Function = field(kw_only=True)
    portal: Function = field(kw_only=True)
    sweeper: Function = field(kw_only=True)
    mapping: Mapping = field(kw_only=True)
    guard: RecursionGuard = field(kw_only=True)

    def endpoint_of(self, service: str) -> str:
        """Give the endpoint of an AWS service; `endpoint` itself is the portal's."""
        return self.servers.of(service)

    def function_log(self, since: float = 0) -> list[str]:  # noqa: ARG002 - its processes are few, and so are its lines
        """Give everything that `deliver` has written so far."""
        return self.deliver.log()

    def sweep(self) -> dict[str, int]:
        """Invoke `sweep`, as its schedule does, and give its answer."""
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
        """Send messages: a text as it is, anything else as JSON; each with these message attributes."""
        for message in messages:
            body = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
            said = {"MessageBody": body, "MessageAttributes": attributes or {}}
            self.queue.send_message(QueueUrl=self.events_url, MessageGroupId=group, **said)

    def publish_together(self, *messages: object) -> None:
        """Send up to ten messages so that one invocation gets them all as its batch."""
        with self.mapping.paused():
            self.until(lambda: self.counts()["visible"] == 0, "an empty queue")
            self.publish(*messages)

    def publish_worn(self, *messages: tuple[object, int], attributes: dict[str, dict[str, str]] | None = None) -> None:
        """Send messages, each with how often it has been received before its next receive, at least once."""
        with self.mapping.paused():
            self.until(lambda: self.counts()["visible"] == 0, "an empty queue")
            worn = [self._worn(message, receives, attributes) for message, receives in messages]
            for handle in worn:
                self.queue.change_message_visibility(
                    QueueUrl=self.events_url, ReceiptHandle=handle, VisibilityTimeout=0
                )

    def _worn(self, message: object, receives: int, attributes: dict[str, dict[str, str]] | None) -> str:
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
        """Count the messages of the events queue: `visible`, `hidden` (in work, or to come back) and `delayed`."""
        names = {
            "ApproximateNumberOfMessages": "visible",
            "ApproximateNumberOfMessagesNotVisible": "hidden",
            "ApproximateNumberOfMessagesDelayed": "delayed",
        }
        said = self.queue.get_queue_attributes(QueueUrl=self.events_url, AttributeNames=list(names))["Attributes"]
        return {name: int(said[attribute]) for attribute, name in names.items()}

    def is_idle(self) -> bool:
        """Tell whether no message is left and no invocation under way."""
        return not any(self.counts().values()) and all(batch.seconds is not None for batch in self.batches)

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
    """Run what `build` built against the other stand-ins.

    Parameters are the template's. The recursion guard does what the built template says of `deliver`, unless told
    `Allow`, `Terminate` or None, which is what Lambda does unless told.
    """
    template = Template(BUILT / "template.yaml", LOCAL_PARAMETERS | (parameters or {}))
    with ExitStack() as lasting:
        servers = lasting.enter_context(running_servers(logs))
        proxy = lasting.enter_context(running_proxy(servers))
        behind_the_gateway: list[Function] = []
        url = lasting.enter_context(running_gateway(behind_the_gateway))
        # Half a stack: enough to make the other half with its clients.
        bare = _Bare(url, {}, servers=servers)
        names = Made(template, bare.client).everything() | {"Api": {"Ref": "second", "ApiEndpoint": url}}
        names |= {name: {"Ref": name} for name in template.resources("AWS::Lambda::Function")}
        deliver = _function(template, "DeliverFunction", names, proxy, logs)
        portal = _function(template, "PortalFunction", names, proxy, logs)
        sweeper = _function(template, "SweepFunction", names, proxy, logs)
        for function in (deliver, portal, sweeper):
            lasting.callback(function.close)
        behind_the_gateway.append(portal)
        said = template.resources("AWS::Lambda::Function")["DeliverFunction"].get("RecursiveLoop")
        guard = RecursionGuard(deliver.name, said if recursive_loop == "as built" else recursive_loop)
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
class _Bare(Stack):
    servers: Servers = field(kw_only=True)

    def endpoint_of(self, service: str) -> str:
        return self.servers.of(service)


def _function(template: Template, id_: str, names: Names, proxy: Proxy, logs: Path) -> Function:
    said = template.resources("AWS::Lambda::Function")[id_]
    variables = template.resolve(said["Environment"]["Variables"], names)
    return Function(
        name=id_.removesuffix("Function").lower(),
        program=BUILT / id_ / "bootstrap",
        variables={name: str(value) for name, value in variables.items()} | {"AWS_ENDPOINT_URL": proxy.endpoint},
        timeout_s=said["Timeout"],
        logs=logs,
    )


def _mapping(template: Template, names: Names, bare: Stack, deliver: Function, guard: RecursionGuard) -> Mapping:
    [said] = template.resources("AWS::Lambda::EventSourceMapping").values()
    said = template.resolve(said, names)
    [queue] = (named for named in names.values() if named.get("Arn") == said["EventSourceArn"])
    return Mapping(said, Queue(bare.queue, queue["Ref"], queue["Arn"]), deliver, guard)
