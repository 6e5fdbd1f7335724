"""Removes the messages of a business, or of a call, from the dead-letter queue, and leaves all others there.

SQS cannot choose among messages. So each message is received, which hides it, and is then either removed or made
visible again. If this command is ended meanwhile, the messages that it has looked at appear again by themselves. No
function reads this queue, and a message's receives do not count there: nothing happens to those that stay.

A message that somebody else has received a moment ago is hidden from this command too: from an earlier run that was
ended, a redrive, or a person who looks at messages. Such messages are counted first, so that nobody is told that
nothing is left.

Nothing of a message is printed.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import calls

HIDDEN_SECONDS = 900
"""For how long a message is hidden once it has been looked at."""

MOST_SECONDS = 600
"""How long the queue is looked through. The rest of the hidden time suffices to make the messages visible again."""

EMPTY = 2
"""After so many answers without a message nothing is left. Each has waited, so SQS has asked all of its servers."""

AT_ONCE = 10


@dataclass(frozen=True)
class Sought:
    """The business, and the call of it; a call of None means all of the business."""

    business: str
    call: str | None = None
    event_ids: frozenset[str] = frozenset()
    """The ids of the call's events, by which references to them are found."""

    def has(self, body: str) -> bool | None:
        """Tell whether a message is sought; None: it cannot be read, and has the sought id in its text."""
        message = calls.read(body)
        if message is None:
            return None if self._is_mentioned(body) else False
        if "requestPayload" in message:
            return self.call is None and any(
                calls.as_id(one.get("business_id")) == self.business for one in notices(message)
            )
        if calls.as_id(message.get("business_id")) != self.business:
            return False
        if self.call is None:
            return True
        if "command" in message:
            return message.get("event_id") in self.event_ids
        return calls.names(message, self.call)

    def _is_mentioned(self, body: str) -> bool:
        sought = self.business if self.call is None else self.call
        return sought in body or json.dumps(sought)[1:-1] in body


@dataclass
class Looked:
    """What became of the messages."""

    removed: int = 0
    kept: int = 0
    unreadable: int = 0
    """How many of those that were kept cannot be read, and have the id of the business or of the call in their text."""
    hidden: int = 0
    """How many messages somebody else had received before, about: they are hidden, and were not looked at."""
    is_in_time: bool = True
    """Whether the messages that were not hidden were all looked at in the time that there was."""

    @property
    def is_complete(self) -> bool:
        """Whether all messages were looked at."""
        return self.is_in_time and self.hidden == 0


def notices(failed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the notices of an invocation of `notify` that failed."""
    payload = failed["requestPayload"]
    records = payload.get("Records") if isinstance(payload, dict) else None
    for record in records if isinstance(records, list) else []:
        sns = record.get("Sns") if isinstance(record, dict) else None
        message = sns.get("Message") if isinstance(sns, dict) else None
        notice = calls.read(message) if isinstance(message, str) else None
        if notice is not None:
            yield notice


def remove(sqs: Any, url: str, sought: Sought) -> Looked:  # noqa: ANN401 - boto3 makes its clients at run time
    """Look through the queue, and remove what is sought."""
    # Before the first message is received, since those of this command are hidden too.
    looked, others = Looked(hidden=_hidden(sqs, url)), dict[str, str]()
    try:
        _look(sqs, url, sought, looked, others)
    finally:
        _show(sqs, url, list(others.values()))
    looked.kept = len(others)
    return looked


def _hidden(sqs: Any, url: str) -> int:  # noqa: ANN401
    name = "ApproximateNumberOfMessagesNotVisible"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def _look(sqs: Any, url: str, sought: Sought, looked: Looked, others: dict[str, str]) -> None:  # noqa: ANN401
    until, empty = time.monotonic() + MOST_SECONDS, 0
    while empty < EMPTY:
        if time.monotonic() > until:
            looked.is_in_time = False
            return
        received = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=1
        ).get("Messages", [])
        empty = 0 if received else empty + 1
        for message in received:
            found = sought.has(message["Body"])
            if found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                looked.removed += 1
                continue
            if found is None and message["MessageId"] not in others:
                looked.unreadable += 1
            others[message["MessageId"]] = message["ReceiptHandle"]


def _show(sqs: Any, url: str, handles: list[str]) -> None:  # noqa: ANN401
    for begin in range(0, len(handles), AT_ONCE):
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for number, handle in enumerate(handles[begin : begin + AT_ONCE])
        ]
        # A message for which this fails appears again by itself.
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
