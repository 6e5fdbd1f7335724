"""`make redrive`: everything in the dead-letter queue back to the events queue, by SQS itself, with its progress.

The command is for the person on call. It acts on the account that the AWS environment names, or on the local stack if
AWS_ENDPOINT_URL names that. SQS moves each message as a new one, so an event gets a fresh schedule. An event that has
arrived meanwhile is recognised and not sent again. A message that was set aside with a reason, malformed or not kept,
returns with its reason, and a person has to delete or correct it.

The move is one StartMessageMoveTask, so SQS continues the move if this command is ended. SQS cannot choose among the
messages and moves all of them.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.processes import Failure, command

from . import account

NAME = "prosaas-webhooks"
MOST_PER_SECOND = 500
"""The highest rate that SQS accepts (StartMessageMoveTask, MaxNumberOfMessagesPerSecond)."""

SLACK = 1000
"""A task that has moved twice the queue's messages and so many more is moving the same ones again and again."""

UNDER_WAY = ("RUNNING", "CANCELLING")


@dataclass(frozen=True)
class Queues:
    """The queue to empty, and the queue that gets its messages."""

    dead_letters_url: str
    dead_letters_arn: str
    events_arn: str


@dataclass(frozen=True)
class Progress:
    """The progress of a move task, as SQS reports it."""

    status: str
    moved: int
    of: int
    """About how many messages the queue held when the task began."""
    handle: str | None
    """The handle by which the task can be cancelled while it runs."""
    failure: str | None

    @property
    def ended(self) -> bool:
        """Whether the task is over."""
        return self.status not in UNDER_WAY


def main() -> int:
    """Redrive what the arguments name, and return the command's status."""
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__)
    parser.add_argument("--stack", default=NAME, help="the name of the CloudFormation stack")
    parser.add_argument(
        "--rate", type=int, help="messages a second, at most 500; SQS chooses the rate if none is given"
    )
    arguments = parser.parse_args()
    if arguments.rate is not None and not 1 <= arguments.rate <= MOST_PER_SECOND:
        raise Failure(f"The rate must be 1 to {MOST_PER_SECOND} messages a second.")
    try:
        sqs = account.client("sqs")
        queues = queues_of(account.client("cloudformation"), sqs, arguments.stack)
        return redrive(sqs, queues, arguments.rate)
    except (BotoCoreError, ClientError) as error:
        raise Failure(f"AWS refused: {error}") from None


def queues_of(cloudformation: Any, sqs: Any, stack: str) -> Queues:  # noqa: ANN401 - boto3 makes its clients at run time
    """Find the queues of a stack by its outputs."""
    [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    url = outputs["DeadLetterQueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Queues(url, arn, outputs["EventsQueueArn"])


def redrive(sqs: Any, queues: Queues, rate: int | None = None) -> int:  # noqa: ANN401
    """Move all messages, print the progress, and return the command's status."""
    found = count(sqs, queues.dead_letters_url)
    if found == 0:
        print("The dead-letter queue is empty.")
        return 0
    print(f"About {found} messages are in the dead-letter queue.", flush=True)
    progress = None
    for progress in moving(sqs, queues, rate):
        print(f"  {progress.status.lower()}: {progress.moved} of about {progress.of} moved", flush=True)
    assert progress is not None
    if progress.status == "CANCELLED":
        raise Failure(
            "The move was cancelled, since messages that it moved returned. Read their `reason` in the queue."
        )
    if progress.status != "COMPLETED":
        raise Failure(f"The move ended as {progress.status}: {progress.failure or 'SQS gives no reason'}")
    print(f"{progress.moved} messages are on their way with a fresh schedule. Messages with a reason return with it.")
    return 0


def count(sqs: Any, url: str) -> int:  # noqa: ANN401
    """Give about how many messages a queue holds."""
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def moving(sqs: Any, queues: Queues, rate: int | None, every: float = 2) -> Iterator[Progress]:  # noqa: ANN401
    """Start a move, unless one is under way already, and give its progress until it has ended."""
    progress = _progress(sqs, queues)
    if progress is None or progress.ended:
        # Without a destination, SQS could not move the malformed messages: the function sent those, no queue did.
        to = {"DestinationArn": queues.events_arn} | ({"MaxNumberOfMessagesPerSecond": rate} if rate else {})
        sqs.start_message_move_task(SourceArn=queues.dead_letters_arn, **to)
        progress = _progress(sqs, queues)
    while progress is not None:
        yield progress
        if progress.ended:
            return
        if progress.status == "RUNNING" and progress.handle and progress.moved > 2 * progress.of + SLACK:
            # AWS does not document whether a task also moves messages that arrive while it runs, as malformed ones do.
            sqs.cancel_message_move_task(TaskHandle=progress.handle)
        time.sleep(every)
        progress = _progress(sqs, queues)


def _progress(sqs: Any, queues: Queues) -> Progress | None:  # noqa: ANN401
    # The latest task comes first.
    tasks = sqs.list_message_move_tasks(SourceArn=queues.dead_letters_arn, MaxResults=1).get("Results", [])
    if not tasks:
        return None
    task = tasks[0]
    moved, of = task.get("ApproximateNumberOfMessagesMoved", 0), task.get("ApproximateNumberOfMessagesToMove", 0)
    return Progress(task["Status"], moved, of, task.get("TaskHandle"), task.get("FailureReason"))


if __name__ == "__main__":
    command(main)
