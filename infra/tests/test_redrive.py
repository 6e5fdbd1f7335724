"""`make redrive`: events in the dead-letter queue are sent again on a fresh schedule.

MiniStack has no move tasks, so the proxy answers in SQS's place. The command runs as a person on call runs it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.aws_proxy import AwsProxy, broken, running_aws_proxy
from infra.fakes.fake_move_tasks import OPERATIONS, FakeMoveTasks
from infra.fakes.receiver import Answer, Receiver
from infra.local import environment
from infra.local.building import build
from infra.local.processes import until
from infra.local.stack import Stack, running_stack
from infra.ops.redrive import Queues, moving

from .business import TestBusiness
from .conftest import LOGS
from .logs import Confidential
from .queues import wait_until_empty
from .waits import SECONDS

pytestmark = pytest.mark.own_stack

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MAX_ATTEMPTS = 3
PARAMETERS = {"RetryScheduleSeconds": "1", "MaxAttempts": str(MAX_ATTEMPTS), "AttemptTimeoutSeconds": "2"}


@pytest.fixture(scope="module")
def aws_proxy() -> Iterator[AwsProxy]:
    """Give the proxy in front of AWS."""
    with running_aws_proxy() as running:
        yield running


@pytest.fixture(scope="module")
def short_schedule(aws_proxy: AwsProxy) -> Iterator[Stack]:
    """Give a stack whose schedule is spent after seconds, and whose SQS can move messages."""
    build()
    with (
        running_stack(PARAMETERS, logs=LOGS / "short_schedule", aws_proxy=aws_proxy) as deployed,
        aws_proxy.rule(FakeMoveTasks(deployed), *OPERATIONS),
    ):
        yield deployed


@pytest.fixture
def business(short_schedule: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a business of that stack."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", short_schedule, receiver, confidential)


def redrive(aws_proxy: AwsProxy, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    argv = [sys.executable, "-m", "infra.ops.redrive", *arguments]
    env = environment.using(aws_proxy.endpoint)
    return subprocess.run(
        argv, cwd=environment.ROOT, env=os.environ | env, capture_output=True, text=True, check=False, timeout=SECONDS
    )


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
    business: TestBusiness, aws_proxy: AwsProxy
) -> None:
    assert redrive(aws_proxy).stdout == "The dead-letter queue is empty.\n"
    business.answers(500)
    event = business.call()
    business.publish_text(json.dumps(event), traceparent=TRACEPARENT)
    until(lambda: dead(business.stack) == 1, SECONDS, "a spent event in the dead-letter queue")
    business.publish_text('{"event_type": "call.completed"}')
    until(lambda: dead(business.stack) == 2, SECONDS, "a malformed event there")
    assert len(business.received()) == MAX_ATTEMPTS

    business.receiver.script(business.path, Answer(200))
    done = redrive(aws_proxy, "--rate", "100")
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


def test_event_that_has_arrived_meanwhile_is_not_sent_again(business: TestBusiness, aws_proxy: AwsProxy) -> None:
    # As if one copy of the event had spent its schedule while another copy was in flight.
    business.answers(200)
    event = business.publish()
    [request] = business.receives()
    business.recorded(request.headers["webhook-id"], "delivered")
    url = business.stack.outputs["DeadLetterQueueUrl"]
    business.stack.queue.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    assert redrive(aws_proxy).returncode == 0
    business.logs(message="duplicate")
    assert len(business.received()) == 1


def test_refusal_of_aws_is_one_line(short_schedule: Stack, aws_proxy: AwsProxy) -> None:
    url = short_schedule.outputs["DeadLetterQueueUrl"]
    short_schedule.queue.send_message(QueueUrl=url, MessageBody="{}")
    with aws_proxy.rule(broken, *OPERATIONS):
        ended = redrive(aws_proxy)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert redrive(aws_proxy, "--stack", "no-such-stack").returncode == 1
    assert redrive(aws_proxy, "--rate", "501").returncode == 1
