"""How Lambda takes messages from a queue: an event source mapping.

The mapping receives up to a batch of messages, invokes the function with the batch, and deletes the messages that the
function did not report as failed. The failed ones return when their visibility timeout is over, which the function may
have changed. An invocation that fails leaves its whole batch in the queue, and so does an answer that names no message
or a message that is not in the batch. The queue's own redrive policy moves a message that has been received too often.

Source: AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda".
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra.fakes.runtime_api import Failed
from infra.local import environment

from .recursion import RecursionGuard
from .runtime import Function

_EVERY_SECONDS = 0.03
"""The pause between two polls of an empty queue. On AWS a long poll takes the place of both."""


@dataclass(frozen=True)
class Queue:
    """The queue from which the mapping takes messages."""

    client: Any
    url: str
    arn: str


@dataclass
class Batch:
    """One invocation for messages."""

    records: list[dict]
    answer: Any = None
    error: str | None = None
    """Why the invocation has no answer. None: it has one, or it is under way."""
    seconds: float | None = None
    """How long the invocation took. None: it is under way."""
    kept: frozenset[str] = frozenset()
    """The ids of the messages that were not deleted."""


class Mapping:
    """The mapping of one function, at work while its block lasts."""

    def __init__(self, properties: dict[str, Any], queue: Queue, function: Function, guard: RecursionGuard) -> None:
        self.batches: list[Batch] = []
        """Every invocation so far, in the order in which they began."""
        self._size = int(properties["BatchSize"])
        self._concurrency = int(properties["ScalingConfig"]["MaximumConcurrency"])
        self._reports_items = properties.get("FunctionResponseTypes") == ["ReportBatchItemFailures"]
        self._queue, self._function, self._guard = queue, function, guard
        self._free = threading.Semaphore(self._concurrency)
        self._receiving = threading.Lock()
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take messages for as long as the block lasts."""
        with ThreadPoolExecutor(self._concurrency) as workers:
            poller = threading.Thread(target=self._poll, args=(workers,), daemon=True)
            poller.start()
            try:
                yield
            finally:
                self._ended.set()
                # Invocations under way end with the function's processes, wherever they are.
                self._function.close()
                poller.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take no messages during the block, so that those sent in it come together. Invocations under way go on."""
        with self._receiving:
            yield

    def _poll(self, workers: ThreadPoolExecutor) -> None:
        while not self._ended.is_set():
            self._free.acquire()
            with self._receiving:
                records = [] if self._ended.is_set() else self._receive()
            admitted = self._guard.admit(records)
            if admitted:
                workers.submit(self._invoke, admitted)
            else:
                self._free.release()
            if not records:
                self._ended.wait(_EVERY_SECONDS)
            elif len(records) < self._size:
                # Lets a test that waits to pause the mapping take the lock.
                time.sleep(0.001)

    def _receive(self) -> list[dict]:
        answer = self._queue.client.receive_message(
            QueueUrl=self._queue.url,
            MaxNumberOfMessages=self._size,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [self.record(message) for message in answer.get("Messages", [])]

    def record(self, message: dict[str, Any]) -> dict[str, Any]:
        """Give a message in the form in which a function gets it."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue.arn,
            "awsRegion": environment.REGION,
        }

    def _invoke(self, records: list[dict]) -> None:
        batch = Batch(records)
        self.batches.append(batch)
        began = time.monotonic()
        try:
            batch.answer = self._function.invoke({"Records": records}, self._guard.trace_id(records))
            batch.kept = self._failed(batch)
            self._delete(batch)
        except Failed as failed:
            batch.error, batch.kept = str(failed), _ids(records)
        finally:
            batch.seconds = time.monotonic() - began
            self._free.release()

    def _failed(self, batch: Batch) -> frozenset[str]:
        everything = _ids(batch.records)
        if not self._reports_items or not batch.answer:
            return frozenset()
        failures = batch.answer.get("batchItemFailures") or []
        named = frozenset(failure.get("itemIdentifier") for failure in failures)
        return named if named <= everything else everything

    def _delete(self, batch: Batch) -> None:
        done = [record for record in batch.records if record["messageId"] not in batch.kept]
        entries = [{"Id": record["messageId"], "ReceiptHandle": record["receiptHandle"]} for record in done]
        if entries:
            self._queue.client.delete_message_batch(QueueUrl=self._queue.url, Entries=entries)


def _ids(records: list[dict]) -> frozenset[str]:
    return frozenset(record["messageId"] for record in records)


def _attribute(attribute: dict[str, Any]) -> dict[str, Any]:
    form = {"dataType": attribute["DataType"], "stringListValues": [], "binaryListValues": []}
    return form | ({"stringValue": attribute["StringValue"]} if "StringValue" in attribute else {})
