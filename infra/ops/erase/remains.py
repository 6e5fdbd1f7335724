"""What still holds data of a business after its records are removed, and until when, as lines for the operator.

Days come from the stack itself where AWS tells them: a line never repeats a default that the stack does not have.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import ClientError

from .dead_letters import HIDDEN_SECONDS, Looked
from .tables import Record

LOG_DAYS = 30
"""`RetentionInDays` of the log groups in the template."""

JITTER = 1.1
"""A delay is at most this many times its step of the schedule."""

FAULT_SECONDS = 360
"""The visibility timeout of the events queue: a message comes back after it if nothing else was said."""

INVOCATION_SECONDS = 60
"""How long an invocation lasts that has begun with what is removed by now."""

DEFAULT_RECOVERY_DAYS = 35
"""How many days back DynamoDB restores a table if nothing else is set."""


@dataclass(frozen=True)
class Stack:
    """The stack's queues, tables and parameters."""

    events_queue_url: str
    dead_letters_url: str
    settings: str
    deliveries: str
    parameters: dict[str, str]

    @property
    def longest_step(self) -> float:
        """How many seconds a message is hidden at most before its next attempt."""
        steps = self.parameters.get("RetryScheduleSeconds", "").split(",")
        longest = max((int(step) for step in steps if step.strip().isdecimal()), default=0)
        return max(longest * JITTER, FAULT_SECONDS) + INVOCATION_SECONDS


def backups(dynamodb: Any, stack: Stack, tables: list[str], now: datetime) -> Iterator[str]:  # noqa: ANN401
    """Say until when a table can be restored with what was removed, and which copies of the table exist."""
    for table in tables:
        yield from _of_table(dynamodb, stack, table, now)
    # ListBackups gives none that was made with AWS Backup, by its API reference.
    yield (
        "copies that this command does not look for: recovery points of AWS Backup, exports to S3, and tables restored "
        "or retained beside those of the stack. Delete those that were made before now, by hand"
    )


def _of_table(dynamodb: Any, stack: Stack, table: str, now: datetime) -> Iterator[str]:  # noqa: ANN401
    try:
        yield f"{table}: {_recovery(dynamodb, stack, table, now)}"
        yield from _copies(dynamodb, table)
    except ClientError as error:
        # What was removed stays removed, so a permission that is missing here does not fail the command.
        yield f"{table}: its backups cannot be read ({error.response['Error']['Code']})"


def _recovery(dynamodb: Any, stack: Stack, table: str, now: datetime) -> str:  # noqa: ANN401
    described = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = described.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        return "point-in-time recovery is off, so it keeps nothing"
    stated = recovery.get("RecoveryPeriodInDays") or stack.parameters.get("PointInTimeRecoveryDays")
    days = int(stated or DEFAULT_RECOVERY_DAYS)
    return f"by point-in-time recovery of {days} days, what was removed can be restored until {when(now, days=days)}"


def _copies(dynamodb: Any, table: str) -> Iterator[str]:  # noqa: ANN401
    place: dict[str, str] = {}
    while True:
        answer = dynamodb.list_backups(TableName=table, BackupType="ALL", **place)
        for backup in answer.get("BackupSummaries", []):
            yield f"{table}: the backup {backup['BackupName']} holds what it held when it was made, until it is deleted"
        if "LastEvaluatedBackupArn" not in answer:
            return
        place = {"ExclusiveStartBackupArn": answer["LastEvaluatedBackupArn"]}


def events_queue(sqs: Any, stack: Stack, call: str | None, removed: list[Record], now: datetime) -> Iterator[str]:  # noqa: ANN401
    """Say what messages under way may bring back, and when to run the command again."""
    names = ["", "NotVisible", "Delayed"]
    wanted = [f"ApproximateNumberOfMessages{name}" for name in names]
    attributes = sqs.get_queue_attributes(
        QueueUrl=stack.events_queue_url, AttributeNames=[*wanted, "MessageRetentionPeriod"]
    )["Attributes"]
    waiting, hidden, delayed = (int(attributes[name]) for name in wanted)
    days = int(attributes["MessageRetentionPeriod"]) / 86400
    again = when(now, seconds=stack.longest_step)
    yield (
        f"events queue: about {waiting + delayed} messages wait and {hidden} are between two attempts, of all "
        f"businesses; SQS keeps a message for {days:g} days. A message cannot be taken out of this queue"
    )
    if call is None:
        yield (
            "events queue: a message that was never tried is dropped at its first attempt (`not_configured`). One that "
            "was being tried finds no URL and is held: the ledger has its record again, and the settings an item"
        )
        yield f"events queue: run the same command again after {again}, by when each hidden message has come back"
        return
    if under_way := [record for record in removed if record.status == "retrying"]:
        times = [record.next_attempt for record in under_way if record.next_attempt is not None]
        next_attempt = f" at {when(datetime.fromtimestamp(max(times), timezone.utc))}" if times else ""
        yield (
            f"events queue: {len(under_way)} of the events removed had a message there. It is attempted again"
            f"{next_attempt}, sent, and recorded again: run the same command again once its event has arrived or failed"
        )
    yield (
        f"events queue: a message of the call that is under way otherwise is sent too, and recorded: to be sure, run "
        f"the same command again after {again}"
    )


def dead_letters(sqs: Any, stack: Stack, looked: Looked, now: datetime) -> Iterator[str]:  # noqa: ANN401
    """Say what the dead-letter queue may still hold."""
    name = "MessageRetentionPeriod"
    attributes = sqs.get_queue_attributes(QueueUrl=stack.dead_letters_url, AttributeNames=[name])["Attributes"]
    days = int(attributes[name]) / 86400
    until = when(now, days=days)
    if looked.hidden:
        yield (
            f"dead-letter queue: messages that somebody has received are hidden and were not looked at, about "
            f"{looked.hidden} of them: run the same command again in {HIDDEN_SECONDS // 60} minutes, after "
            f"{when(now, seconds=HIDDEN_SECONDS)}"
        )
    if not looked.is_in_time:
        yield (
            f"dead-letter queue: not all of it was looked through in time: run the same command again, or wait until "
            f"{until}"
        )
    if looked.unreadable:
        yield (
            f"dead-letter queue: {looked.unreadable} of its messages cannot be read and have the id in their text: "
            f"look at them by hand; SQS keeps a message for {days:g} days, until {until} at most"
        )
    if looked.is_complete and not looked.unreadable:
        yield (
            f"dead-letter queue: nothing any more. A reference to a record that is gone may still come there "
            f"(`not_kept`): ids only, for {days:g} days"
        )


def logs(now: datetime) -> str:
    """Say what the logs hold."""
    return (
        f"logs: ids and hosts, no body, phone number or secret; each line for {LOG_DAYS} days, "
        f"the newest until {when(now, days=LOG_DAYS)}"
    )


def when(moment: datetime, **later: float) -> str:
    """Give a time as people read it, in UTC. Seconds are rounded up."""
    end = moment.astimezone(timezone.utc) + timedelta(**later)
    if end.second or end.microsecond:
        end = end.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return f"{end:%Y-%m-%d %H:%M} UTC"
