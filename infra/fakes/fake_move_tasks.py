"""SQS's move tasks from a dead-letter queue, which MiniStack does not have, for the tests of `redrive`.

The fake is a fault of the AWS proxy. It answers StartMessageMoveTask and ListMessageMoveTasks in SQS's place, in the
shapes of the API reference, and moves the messages itself, each as a new one, as SQS does. A task moves a few messages
each time that its progress is read, so that a test can watch the progress.
"""

import time
from typing import Any

from infra.local.stack import Stack

from .aws_errors import AwsResponse, json_response
from .aws_proxy import Call, Forward

OPERATIONS = ("StartMessageMoveTask", "ListMessageMoveTasks")
_AT_A_TIME = 10


class FakeMoveTasks:
    """The move tasks of one stack's queues."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._tasks: list[dict[str, Any]] = []

    async def __call__(self, call: Call, _forward: Forward) -> AwsResponse:
        """Answer one of the operations."""
        if call.operation == "StartMessageMoveTask":
            return json_response(self._start(call.parameters))
        return json_response({"Results": self._tasks_with_progress()})

    def _start(self, parameters: dict[str, Any]) -> dict[str, Any]:
        task = {
            "TaskHandle": f"handle-{len(self._tasks)}",
            "Status": "RUNNING",
            "SourceArn": parameters["SourceArn"],
            "DestinationArn": parameters["DestinationArn"],
            "ApproximateNumberOfMessagesMoved": 0,
            "ApproximateNumberOfMessagesToMove": self._count(),
            "StartedTimestamp": int(time.time() * 1000),
        }
        self._tasks.insert(0, task)
        return {"TaskHandle": task["TaskHandle"]}

    def _tasks_with_progress(self) -> list[dict[str, Any]]:
        if self._tasks and self._tasks[0]["Status"] == "RUNNING":
            task = self._tasks[0]
            task["ApproximateNumberOfMessagesMoved"] += self._move()
            # Messages that have returned to the queue meanwhile are left for another task.
            if task["ApproximateNumberOfMessagesMoved"] >= task["ApproximateNumberOfMessagesToMove"]:
                task["Status"] = "COMPLETED"
        return self._tasks[:1]

    def _count(self) -> int:
        url, name = self._stack.outputs["DeadLetterQueueUrl"], "ApproximateNumberOfMessages"
        attributes = self._stack.queue.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
        return int(attributes[name])

    def _move(self) -> int:
        queue, outputs = self._stack.queue, self._stack.outputs
        source = outputs["DeadLetterQueueUrl"]
        answer = queue.receive_message(QueueUrl=source, MaxNumberOfMessages=_AT_A_TIME, MessageAttributeNames=["All"])
        messages = answer.get("Messages", [])
        for message in messages:
            attributes = message.get("MessageAttributes", {})
            to = outputs["EventsQueueUrl"]
            queue.send_message(QueueUrl=to, MessageBody=message["Body"], MessageAttributes=attributes)
            queue.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)
