"""`make redrive`: events in the dead-letter queue are sent again on a fresh schedule.

MiniStack has no move tasks, so the proxy answers in SQS's place. The command runs as a person on call runs it.
"""

import json
from typing import Any

import pytest

from infra.fakes.aws_proxy import AwsProxy, broken
from infra.fakes.fake_move_tasks import OPERATIONS
from infra.fakes.receiver import Answer
from infra.local.processes import until
from infra.local.stack import Stack
from infra.ops.redrive import Queues, moving
from infra.tests.business import TestBusiness
from infra.tests.queues import wait_until_empty
from infra.tests.waits import SECONDS

from .conftest import MAX_ATTEMPTS, Tool

pytestmark = [pytest.mark.own_stack, pytest.mark.on_call]

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Sqs:
    """An SQS whose move task has these steps, one at each call."""

    def __init__(self, *steps: tuple[str, int]) -> None:
        self.cancelled = False
        self._steps = list(steps)

    def list_message_move_tasks(self, **_parameters: object) -> dict[str, Any]:
        """Give the next step."""
        status, moved = self._steps.pop(0)
        task = {"Status": status, "ApproximateNumberOfMessagesMoved": moved, "ApproximateNumberOfMessagesToMove": 10}
        return {"Results": [task | {"TaskHandle": "handle"}]}

    def cancel_message_move_task(self, **_parameters: object) -> None:
        """Record that the task is cancelled."""
        self.cancelled = True


def test_move_of_the_same_messages_again_and_again_is_cancelled() -> None:
    sqs = Sqs(("RUNNING", 10), ("RUNNING", 900), ("RUNNING", 1100), ("CANCELLING", 1200), ("CANCELLED", 1200))
    progress = list(moving(sqs, Queues("url", "dead", "events"), rate=None, every=0))
    assert sqs.cancelled
    assert [step.moved for step in progress] == [10, 900, 1100, 1200, 1200]


def dead(stack: Stack) -> int:
    """Count the messages in the dead-letter queue."""
    url, name = stack.outputs["DeadLetterQueueUrl"], "ApproximateNumberOfMessages"
    return int(stack.queue.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def test_spent_event_arrives_on_a_fresh_schedule_and_a_malformed_message_returns(
    business: TestBusiness, tool: Tool
) -> None:
    assert tool("redrive").stdout == "The dead-letter queue is empty.\n"
    business.answers(500)
    event = business.call()
    business.publish_text(json.dumps(event), traceparent=TRACEPARENT)
    until(lambda: dead(business.stack) == 1, SECONDS, "a spent event in the dead-letter queue")
    business.publish_text('{"event_type": "call.completed"}')
    until(lambda: dead(business.stack) == 2, SECONDS, "a malformed event there")
    assert len(business.received()) == MAX_ATTEMPTS

    business.receiver.script(business.path, Answer(200))
    done = tool("redrive", "--rate", "100")
    assert done.returncode == 0, done.stderr
    assert "About 2 messages" in done.stdout
    assert "completed: 2 of about 2 moved" in done.stdout
    request = business.receives(MAX_ATTEMPTS + 1)[-1]
    assert request.headers["webhook-attempt"] == "1"
    assert request.headers["traceparent"] == TRACEPARENT
    assert json.loads(request.body)["call_id"] == event["call_id"]
    record = business.recorded(request.headers["webhook-id"], "delivered")
    assert record["attempts"] == MAX_ATTEMPTS + 1, "the ledger counts the attempts before the move"
    wait_until_empty(business.stack)
    until(lambda: dead(business.stack) == 1, SECONDS, "the malformed message again")


def test_event_that_has_arrived_meanwhile_is_not_sent_again(business: TestBusiness, tool: Tool) -> None:
    # As if one copy of the event had spent its schedule while another copy was in flight.
    business.answers(200)
    event = business.publish()
    [request] = business.receives()
    business.recorded(request.headers["webhook-id"], "delivered")
    url = business.stack.outputs["DeadLetterQueueUrl"]
    business.stack.queue.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    assert tool("redrive").returncode == 0
    business.logs(message="duplicate")
    assert len(business.received()) == 1


def test_refusal_of_aws_is_one_line(short_schedule: Stack, aws_proxy: AwsProxy, tool: Tool) -> None:
    url = short_schedule.outputs["DeadLetterQueueUrl"]
    short_schedule.queue.send_message(QueueUrl=url, MessageBody="{}")
    with aws_proxy.rule(broken, *OPERATIONS):
        ended = tool("redrive")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert tool("redrive", "--stack", "no-such-stack").returncode == 1
    assert tool("redrive", "--rate", "501").returncode == 1
