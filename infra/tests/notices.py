"""The notices on the topic OwnerNotices, read as the operator's own systems read them."""

import json
from typing import Any

from infra.local.processes import until
from infra.local.stack import Stack

from .business import TestBusiness
from .waits import SECONDS


class Notices:
    """The notices on the topic, as one of its subscribers gets them. Each notice is given to a test once."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._new: list[dict[str, Any]] = []
        """The notices that no test has been given yet."""
        self._queue = stack.queue.create_queue(QueueName="owner-notices")["QueueUrl"]
        attributes = stack.queue.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        topic = stack.outputs["OwnerNoticesTopicArn"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": attributes["QueueArn"],
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        stack.queue.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])

    def wait(self, business: TestBusiness, kind: str) -> dict[str, Any]:
        """Wait for the next notice of this kind about a business."""
        return until(lambda: self._take(business.id, kind), SECONDS, f"a notice {kind}")

    def _take(self, business_id: str, kind: str) -> dict[str, Any] | None:
        answer = self._stack.queue.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self._new.append(json.loads(json.loads(message["Body"])["Message"]))
            self._stack.queue.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        for place, notice in enumerate(self._new):
            if (notice["business_id"], notice["kind"]) == (business_id, kind):
                return self._new.pop(place)
        return None
