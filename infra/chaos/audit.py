"""The events that were published, and where each of them ended.

After a scenario a published event must have been accepted by its endpoint, or be held while the endpoint is paused, or
be in the dead-letter queue. An event in none of these places is missing. An event that is held at an endpoint that is
not paused is stranded, since nothing will replay it. Both count as lost.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.fakes.receiver import Receiver
from infra.local.stack import Stack

_BATCH = 10


@dataclass
class Account:
    """Where the events of a scenario ended. Each event counts once, at the first of these that is true of it."""

    published: int = 0
    delivered: int = 0
    held: int = 0
    failed: int = 0
    """The schedule is spent: the ledger says so, and the event's copy is in the dead-letter queue."""
    dead: int = 0
    """SQS's redrive policy has moved the event to the dead-letter queue."""
    malformed: int = 0
    stranded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    duplicates: int = 0
    """How often an endpoint accepted an event again."""
    note: str = ""
    """What the scenario has measured besides."""

    @property
    def lost(self) -> list[str]:
        """The events that were lost."""
        return self.missing + self.stranded

    @property
    def duplicates_per_thousand(self) -> float:
        """Duplicates per thousand events that arrived."""
        return 1000 * self.duplicates / self.delivered if self.delivered else 0.0


def path_of(business_id: str) -> str:
    """Give the path of a business's endpoint at the receiver."""
    return f"/{business_id}"


class PublishedEvents:
    """The events of one scenario."""

    def __init__(self, stack: Stack, receiver: Receiver, dead_letters: "DeadLetters") -> None:
        self._stack = stack
        self._receiver = receiver
        self._dead_letters = dead_letters
        self._events: dict[str, str] = {}
        """Businesses by event id."""
        self._malformed: list[str] = []

    @property
    def businesses(self) -> set[str]:
        """The businesses that have published."""
        return set(self._events.values())

    @property
    def count(self) -> int:
        """How many events have been published."""
        return len(self._events)

    def publish(self, business_ids: Iterable[str]) -> None:
        """Publish one more call of each of these businesses, in this order."""
        messages = []
        for business_id in business_ids:
            call_id = f"CA{len(self._events):06}-{business_id}"
            digest = hashlib.sha256(f"call.completed\n{business_id}\n{call_id}".encode()).hexdigest()
            self._events[f"evt_{digest[:32]}"] = business_id
            messages.append((business_id, json.dumps(_call(business_id, call_id))))
        self._send(messages)

    def publish_malformed(self, business_id: str) -> None:
        """Publish a message that is no event."""
        text = json.dumps({"event_type": "call.completed", "business_id": business_id, "number": len(self._malformed)})
        self._malformed.append(text)
        self._send([(business_id, text)])

    def _send(self, messages: list[tuple[str, str]]) -> None:
        url = self._stack.outputs["EventsQueueUrl"]
        for start in range(0, len(messages), _BATCH):
            entries = [
                {"Id": str(number), "MessageBody": body, "MessageGroupId": business_id}
                for number, (business_id, body) in enumerate(messages[start : start + _BATCH])
            ]
            answer = self._stack.queue.send_message_batch(QueueUrl=url, Entries=entries)
            assert not answer.get("Failed")

    def audit(self) -> Account:
        """Find where every published event ended. The queue must be empty."""
        account = Account(published=len(self._events) + len(self._malformed))
        requests = (self._receiver.accepted(path_of(business_id)) for business_id in self.businesses)
        accepted = Counter(request.headers["webhook-id"] for some in requests for request in some)
        account.duplicates = sum(accepted.values()) - len(accepted)
        records = self._records()
        healths = {business_id: self._health(business_id) for business_id in self.businesses}
        dead = self._dead_letters.event_ids()
        for event_id, business_id in self._events.items():
            status = records.get(event_id)
            if accepted[event_id]:
                account.delivered += 1
            elif event_id in dead:
                account.failed += status == "failed"
                account.dead += status != "failed"
            elif status == "held" and _is_paused(healths[business_id]):
                account.held += 1
            else:
                place = account.stranded if status == "held" else account.missing
                place.append(f"{event_id} of {business_id}: {status}, endpoint {healths[business_id]}")
        reasons = self._dead_letters.malformed()
        account.malformed = sum(text in reasons for text in self._malformed)
        account.missing += [text for text in self._malformed if text not in reasons]
        return account

    def _records(self) -> dict[str, str]:
        found: dict[str, str] = {}
        start: dict[str, Any] = {}
        while True:
            page = self._stack.deliveries.scan(ConsistentRead=True, **start)
            found |= {item["event_id"]: item["status"] for item in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _health(self, business_id: str) -> dict[str, Any]:
        key = {"business_id": business_id}
        return self._stack.settings.get_item(Key=key, ConsistentRead=True)["Item"].get("health", {})


def _is_paused(health: dict[str, Any]) -> bool:
    # A failing endpoint has its probe in the queue, so no endpoint may be failing once the queue is empty.
    return health.get("state") == "paused"


def _call(business_id: str, call_id: str) -> dict[str, Any]:
    return {
        "event_type": "call.completed",
        "business_id": business_id,
        "call_id": call_id,
        "duration_sec": 74,
        "transcript": "ליאור: שלום, במה אפשר לעזור?\nלקוחה: רציתי לקבוע תור. " * 20,
        "summary": "נקבע תור לשיננית.",
    }


class DeadLetters:
    """The messages that have arrived in the dead-letter queue of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._seen: list[dict[str, Any]] = []

    def event_ids(self) -> Counter[str]:
        """Count the events there, whether a message is the event or refers to the event."""
        return Counter(found for message in self._take() if (found := _event_id(message)))

    def malformed(self) -> set[str]:
        """Give the bodies that were set aside as malformed."""
        return {
            message["Body"]
            for message in self._take()
            if message.get("MessageAttributes", {}).get("reason", {}).get("StringValue") == "malformed"
        }

    def _take(self) -> list[dict[str, Any]]:
        url = self._stack.outputs["DeadLetterQueueUrl"]
        while messages := self._stack.queue.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                self._seen.append(message)
                self._stack.queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self._seen


def _event_id(message: dict[str, Any]) -> str | None:
    body = json.loads(message["Body"])
    if "event_id" in body:
        return body["event_id"]
    if "call_id" not in body:
        return None
    natural = f"{body['event_type']}\n{body['business_id']}\n{body['call_id']}"
    return f"evt_{hashlib.sha256(natural.encode()).hexdigest()[:32]}"
