"""`make redrive`: what rests in the dead-letter queue goes out again on a fresh schedule.

MiniStack has no moves between queues, so the proxy answers for SQS; the command itself runs as on call.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from infra.fakes.aws_proxy import Faults, broken, running_faults
from infra.fakes.fake_move_tasks import OPERATIONS, Moves
from infra.fakes.receiver import Answer, Receiver
from infra.local import environment
from infra.local.processes import until
from infra.local.stack import Stack, build, running_stack
from infra.ops.redrive import Queues, moving

from .business import SECONDS, Confidential, Merchant, wait_until_empty
from .conftest import LOGS

MAX_ATTEMPTS = 3
PARAMETERS = {"RetryScheduleSeconds": "1", "MaxAttempts": str(MAX_ATTEMPTS), "AttemptTimeoutSeconds": "2"}


@pytest.fixture(scope="module")
def faults() -> Iterator[Faults]:
    """Give the proxy in front of AWS."""
    with running_faults() as running:
        yield running


@pytest.fixture(scope="module")
def impatient(faults: Faults) -> Iterator[Stack]:
    """Give a stack that soon gives an event up, and whose SQS can move messages."""
    build()
    with (
        running_stack(PARAMETERS, logs=LOGS / "impatient", faults=faults) as deployed,
        faults.rule(Moves(deployed), *OPERATIONS),
    ):
        yield deployed


@pytest.fixture
def merchant(impatient: Stack, receiver: Receiver, confidential: Confidential) -> Merchant:
    """Give a business of that stack."""
    return Merchant(f"b-{uuid4().hex[:12]}", impatient, receiver, confidential)


def redrive(faults: Faults, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    argv = [sys.executable, "-m", "infra.ops.redrive", *arguments]
    env = environment.using(faults.endpoint)
    return subprocess.run(
        argv, cwd=environment.ROOT, env=os.environ | env, capture_output=True, text=True, check=False, timeout=SECONDS
    )


class Sqs:
    """An SQS whose task goes the way that is given, one step each time that it is looked at."""

    def __init__(self, *steps: tuple[str, int]) -> None:
        self.cancelled = False
        self._steps = list(steps)

    def list_message_move_tasks(self, **_asked: object) -> dict[str, Any]:
        """Tell how far it is."""
        status, moved = self._steps.pop(0)
        task = {"Status": status, "ApproximateNumberOfMessagesMoved": moved, "ApproximateNumberOfMessagesToMove": 10}
        return {"Results": [task | {"TaskHandle": "handle"}]}

    def cancel_message_move_task(self, **_asked: object) -> None:
        """Cancel it."""
        self.cancelled = True


def test_move_that_goes_round_in_a_circle_is_cancelled() -> None:
    sqs = Sqs(("RUNNING", 10), ("RUNNING", 900), ("RUNNING", 1100), ("CANCELLING", 1200), ("CANCELLED", 1200))
    progress = list(moving(sqs, Queues("url", "dead", "events"), rate=None, every=0))
    assert sqs.cancelled
    assert [step.moved for step in progress] == [10, 900, 1100, 1200, 1200]


def dead(stack: Stack) -> int:
    """Count what is in the dead-letter queue."""
    url, name = stack.outputs["DeadLetterQueueUrl"], "ApproximateNumberOfMessages"
    return int(stack.queue.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def test_spent_events_get_a_fresh_schedule_and_arrive_and_malformed_ones_come_back(
    merchant: Merchant, faults: Faults
) -> None:
    assert redrive(faults).stdout == "The dead-letter queue is empty.\n"
    merchant.answers(500)
    event = merchant.publish()
    until(lambda: dead(merchant.stack) == 1, SECONDS, "a spent event in the dead-letter queue")
    merchant.publish_text('{"event_type": "call.completed"}')
    until(lambda: dead(merchant.stack) == 2, SECONDS, "a malformed event there")
    assert len(merchant.received()) == MAX_ATTEMPTS

    merchant.receiver.script(merchant.path, Answer(200))
    done = redrive(faults, "--rate", "100")
    assert done.returncode == 0, done.stderr
    assert "About 2 messages" in done.stdout
    assert "completed: 2 of about 2 moved" in done.stdout
    request = merchant.receives(MAX_ATTEMPTS + 1)[-1]
    assert request.headers["webhook-attempt"] == "1"
    assert json.loads(request.body)["call_id"] == event["call_id"]
    record = merchant.recorded(request.headers["webhook-id"], "delivered")
    assert record["attempts"] == MAX_ATTEMPTS + 1, "the ledger remembers those before"
    wait_until_empty(merchant.stack)
    until(lambda: dead(merchant.stack) == 1, SECONDS, "the malformed one is back")


def test_event_that_has_arrived_meanwhile_is_not_sent_again(merchant: Merchant, faults: Faults) -> None:
    # As when a copy of it had been given up while another was under way.
    merchant.answers(200)
    event = merchant.publish()
    [request] = merchant.receives()
    merchant.recorded(request.headers["webhook-id"], "delivered")
    url = merchant.stack.outputs["DeadLetterQueueUrl"]
    merchant.stack.queue.send_message(QueueUrl=url, MessageBody=json.dumps(event))
    assert redrive(faults).returncode == 0
    merchant.logs(message="duplicate")
    assert len(merchant.received()) == 1


def test_refusal_of_aws_is_one_line(impatient: Stack, faults: Faults) -> None:
    url = impatient.outputs["DeadLetterQueueUrl"]
    impatient.queue.send_message(QueueUrl=url, MessageBody="{}")
    with faults.rule(broken, *OPERATIONS):
        ended = redrive(faults)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert redrive(faults, "--stack", "no-such-stack").returncode == 1
    assert redrive(faults, "--rate", "501").returncode == 1
