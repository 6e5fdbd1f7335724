"""The system that chaos breaks: a stack behind the AWS proxy, a receiver, and the ways to act on both.

The system's times are short, so that a message returns seconds after its process was killed. The order of the times is
production's: an attempt fits into an invocation, and a message stays invisible for longer than an invocation lasts.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import BotoCoreError, ClientError

from infra.fakes.aws_proxy import AwsProxy, Gate, running_aws_proxy
from infra.fakes.receiver import Answer, Receiver, running_receiver
from infra.local.business import Business, new_signing_secret
from infra.local.conformance import Conformance, check_conformance
from infra.local.functions import kill, running_functions
from infra.local.processes import Failure, until
from infra.local.stack import Stack, running_stack

from .audit import DeadLetters, PublishedEvents, path_of

ATTEMPT_SECONDS = 1
FUNCTION_SECONDS = 8
"""The function begins no attempt with less than an attempt's time and five seconds left."""
VISIBILITY_SECONDS = FUNCTION_SECONDS + 1
MAX_ATTEMPTS = 10
ENVIRONMENTS = 8
BATCH = 10
"""How many messages an invocation gets at most, by the template."""
PARAMETERS = {
    "AttemptTimeoutSeconds": str(ATTEMPT_SECONDS),
    "RetryScheduleSeconds": "1,1,2",
    "MaxAttempts": str(MAX_ATTEMPTS),
    "MaximumConcurrency": str(ENVIRONMENTS),
    # The function logs each call of its pure code, for the check of conformance.
    "LogLevel": "DEBUG",
}
SWEEP_EVERY_SECONDS = 15
"""How often `sweep` runs: more often than by its schedule, but what is lost is lost after the same six minutes."""
QUIET_SECONDS = 900
"""The bound of each wait: every attempt of a schedule, each delayed by a crash, and once or twice until `sweep`."""


@dataclass
class SystemUnderTest:
    """The running stack and its fakes, on which a scenario acts."""

    stack: Stack
    aws_proxy: AwsProxy
    receiver: Receiver
    chance: random.Random
    dead_letters: DeadLetters
    scale: int
    """How many events a scenario publishes, as a multiple of the short form's."""
    made: int = 0

    def new_events(self) -> PublishedEvents:
        """Start a scenario's record of published events."""
        return PublishedEvents(self.stack, self.receiver, self.dead_letters)

    def businesses(self, count: int) -> list[str]:
        """Make so many businesses, whose endpoints accept events."""
        first, self.made = self.made, self.made + count
        ids = [f"c{number:04}" for number in range(first, self.made)]
        for id_ in ids:
            Business(id_, self.receiver.url + path_of(id_), new_signing_secret()).save(self.stack)
        return ids

    def conduct(self, business_id: str, *answers: Answer) -> None:
        """Answer each event of a business by one of these, chosen by chance. Without answers, accept events."""
        self.receiver.conduct(path_of(business_id), *answers)

    def pause(self, business_id: str) -> None:
        """Pause an endpoint that has no state yet, as its owner does."""
        health = {"version": 1, "state": "paused", "since": int(time.time() * 1000), "reason": "owner"}
        self._set_health(business_id, health)

    def resume(self, business_id: str) -> None:
        """Resume an endpoint, as the portal does: write the state, and send the message of the replay's first step."""
        replay_id = int(self.health(business_id)["version"]) + 1
        health = {"version": replay_id, "state": "active"}
        health |= {"replay_id": replay_id, "replay_step": 0, "replay_due": int(time.time() * 1000)}
        self._set_health(business_id, health)
        step = f'{{"command":"replay","business_id":"{business_id}","replay":{replay_id},"step":0}}'
        self.stack.queue.send_message(QueueUrl=self.stack.outputs["EventsQueueUrl"], MessageBody=step)

    def replay_range(self, business_id: str, count: int) -> None:
        """Replay all that has arrived or failed at an endpoint, as the portal does: write the state, send a step."""
        version, now = int(self.health(business_id).get("version", 0)) + 1, int(time.time() * 1000)
        range_ = {"id": version, "step": 0, "due": now, "statuses": "both", "to": now, "asked_at": now, "total": count}
        self._set_health(business_id, {"version": version, "state": "active", "range": range_})
        step = f'{{"command":"replay","business_id":"{business_id}","replay":{version},"step":0}}'
        self.stack.queue.send_message(QueueUrl=self.stack.outputs["EventsQueueUrl"], MessageBody=step)

    def range(self, business_id: str) -> dict[str, Any]:
        """Give the replay of a range in an endpoint's state."""
        return self.health(business_id)["range"]

    def places(self, business_id: str) -> dict[str, str]:
        """Give each event's place in the order of a replay, by event id."""
        condition = Key("business_id").eq(business_id)
        page = self.stack.deliveries.query(KeyConditionExpression=condition, ConsistentRead=True)
        items = page["Items"]
        while "LastEvaluatedKey" in page:
            page = self.stack.deliveries.query(
                KeyConditionExpression=condition, ConsistentRead=True, ExclusiveStartKey=page["LastEvaluatedKey"]
            )
            items += page["Items"]
        return {item["event_id"]: item["occurred"] for item in items}

    def health(self, business_id: str) -> dict[str, Any]:
        """Give an endpoint's state."""
        key = {"business_id": business_id}
        return self.stack.settings.get_item(Key=key, ConsistentRead=True)["Item"].get("health", {})

    def _set_health(self, business_id: str, health: dict[str, object]) -> None:
        self.stack.settings.update_item(
            Key={"business_id": business_id},
            UpdateExpression="SET health = :health",
            ExpressionAttributeValues={":health": health},
        )

    def check_conformance(self) -> Conformance:
        """Check that every delivery and every step so far was one of the pure code, however it ended."""
        return check_conformance(self.stack.function_log())

    def kill_all(self) -> int:
        """Kill every process of the function."""
        return kill(running_functions(self.stack))

    def kill_one(self) -> int:
        """Kill one process of the function, chosen by chance."""
        running = running_functions(self.stack)
        return kill([self.chance.choice(running)]) if running else 0

    def kill_at(self, gate: Gate, *operations: str, count: int = 1, **further: object) -> None:
        """Hold calls up at a gate, and kill every process once so many calls are held up there."""
        with self.aws_proxy.rule(gate, *operations, **further):
            until(lambda: gate.held_up >= count, QUIET_SECONDS, "calls at the gate", every=0.01)
            self.kill_all()
            # The proxy's calls end when the killed processes' connections close.
            until(lambda: gate.held_up == 0, QUIET_SECONDS, "the end of those calls", every=0.01)

    def wait_until_quiet(self) -> None:
        """Wait until the events queue holds nothing, and `sweep` has no probe and no replay to restart."""
        until(lambda: self._messages() == 0 and not self._restarts(), QUIET_SECONDS, "a quiet system", every=0.1)

    def _restarts(self) -> int:
        # A notice may be due as well. Nothing waits for a notice, and `sweep` gives one only after six minutes.
        is_replaying = Attr("health.range").exists() & Attr("health.range.end").not_exists()
        is_going_on = Attr("health.state").eq("failing") | Attr("health.replay_id").exists() | is_replaying
        condition = Attr("due_at").exists() & is_going_on
        return self.stack.settings.scan(FilterExpression=condition, Select="COUNT", ConsistentRead=True)["Count"]

    def _messages(self) -> int:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        url = self.stack.outputs["EventsQueueUrl"]
        counts = self.stack.queue.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in counts.values())


@contextmanager
def running_system(seed: int, scale: int, logs: Path) -> Iterator[SystemUnderTest]:
    """Run the system for as long as the block lasts. The functions must have been built."""
    with (
        running_aws_proxy(seed) as aws_proxy,
        running_receiver(seed) as receiver,
        running_stack(PARAMETERS, logs=logs, aws_proxy=aws_proxy) as stack,
    ):
        functions = stack.client("lambda")
        functions.update_function_configuration(
            FunctionName=stack.outputs["DeliverFunctionName"], Timeout=FUNCTION_SECONDS
        )
        url = stack.outputs["EventsQueueUrl"]
        stack.queue.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)})
        if stack.process is None:
            raise Failure("Chaos needs a stack of its own.")
        system = SystemUnderTest(stack, aws_proxy, receiver, random.Random(seed), DeadLetters(stack), scale)
        with _sweeping(stack):
            yield system


@contextmanager
def _sweeping(stack: Stack) -> Iterator[None]:
    """Invoke `sweep` again and again.

    A process may be killed between the change of a state and the message of a replay's next step. Then only `sweep`
    sends the message.
    """
    ended = Event()

    def sweep() -> None:
        while not ended.wait(SWEEP_EVERY_SECONDS):
            # An invocation fails while AWS is broken, or when its process is killed.
            with suppress(BotoCoreError, ClientError, ValueError):
                stack.sweep()

    thread = Thread(target=sweep)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
