"""The events queue and the dead-letter queue of a stack, as tests use them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infra.local.processes import until
from infra.local.stack import Stack

from .waits import SECONDS


class DeadLetters:
    """The messages that have arrived in the dead-letter queue, from all tests."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._seen: list[dict[str, Any]] = []

    def wait(self, text: str) -> dict[str, Any]:
        """Wait for the message whose body contains a text."""
        return until(lambda: self.find(text), SECONDS, "a message in the dead-letter queue")

    def find(self, text: str) -> dict[str, Any] | None:
        """Find a message whose body contains a text."""
        url = self._stack.outputs["DeadLetterQueueUrl"]
        # Messages are deleted when they are read, since the queue shows only the first ten.
        while messages := self._stack.queue.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                self._seen.append(message)
                self._stack.queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return next((message for message in self._seen if text in message["Body"]), None)


def publish_together(stack: Stack, *events: dict[str, Any] | str) -> None:
    """Publish up to ten messages so that one invocation gets all of them as its batch."""
    functions = stack.client("lambda")
    [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        entries = [
            {"Id": str(number), "MessageBody": event if isinstance(event, str) else json.dumps(event)}
            for number, event in enumerate(events)
        ]
        answer = stack.queue.send_message_batch(QueueUrl=stack.outputs["EventsQueueUrl"], Entries=entries)
        assert not answer.get("Failed")
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@contextmanager
def short_visibility(stack: Stack, seconds: int = 3) -> Iterator[None]:
    """Let messages return after seconds instead of minutes when a fault has left them in the queue."""
    url = stack.outputs["EventsQueueUrl"]
    own = stack.queue.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    stack.queue.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        stack.queue.set_queue_attributes(QueueUrl=url, Attributes=own)


def wait_until_empty(stack: Stack, seconds: float = SECONDS) -> None:
    """Wait until the events queue holds nothing, hidden or visible."""
    url = stack.outputs["EventsQueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def empty() -> bool:
        counts = stack.queue.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return set(counts.values()) == {"0"}

    until(empty, seconds, "an empty events queue")
