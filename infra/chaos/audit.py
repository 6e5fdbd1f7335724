"""The events that were published, and where each of them ended.

Afterwards a published event must have been taken by its endpoint, or be held while its endpoint waits for its owner or
its probe, or be in the dead-letter queue. An event in none of these places is missing. An event that is held although
nothing will replay it is stranded. Both count as lost.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.fakes.fake_endpoints import FakeEndpoints
from infra.local.stack import Stack

_BATCH = 10


@dataclass
class Account:
    """Where the events of a scenario ended. Each is counted once, at the first of these that holds."""

    published: int = 0
    delivered: int = 0
    held: int = 0
    failed: int = 0
    """Spent: the ledger says so, and its copy is in the dead-letter queue."""
    dead: int = 0
    """In the dead-letter queue by the redrive alone."""
    malformed: int = 0
    stranded: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    duplicates: int = 0
    """How often an endpoint took an event that it had taken before."""

    @property
    def lost(self) -> list[str]:
        """The events that were lost."""
        return self.missing + self.stranded

    @property
    def duplicates_per_thousand(self) -> float:
        """Duplicates per thousand events that arrived."""
        return 1000 * self.duplicates / self.delivered if self.delivered else 0.0


class PublishedEvents:
    """The events of one scenario."""

    def __init__(self, stack: Stack, endpoints: FakeEndpoints, dead_letters: "DeadLetters") -> None:
        self._stack = stack
        self._endpoints = endpoints
        self._dead_letters = dead_letters
        self._events: dict[str, str] = {}
        """Businesses by event id."""
        self._malformed: list[str] = []

    @property
    def businesses(self) -> set[str]:
        """Those that published."""
        return set(self._events.values())

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
        """Publish something that is no event."""
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
        """Look for everything that was published. Nothing may be under way any more."""
        account = Account(published=len(self._events) + len(self._malformed))
        taken = self._endpoints.taken(self.businesses)
        account.duplicates = sum(taken.values()) - len(taken)
        records = self._records()
        healths = {business_id: self._health(business_id) for business_id in self.businesses}
        dead = self._dead_letters.event_ids()
        for event_id, business_id in self._events.items():
            status = records.get(event_id)
            if taken[event_id]:
                account.delivered += 1
            elif event_id in dead:
                account.failed += status == "failed"
                account.dead += status != "failed"
            elif status == "held" and _waits(healths[business_id]):
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


def _waits(health: dict[str, Any]) -> bool:
    # A failing endpoint has a probe in the queue, so that once the queue is empty none may be failing.
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
    """Everything that has come to the dead-letter queue of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._seen: list[dict[str, Any]] = []

    def event_ids(self) -> Counter[str]:
        """Give the events there: themselves, or as messages that refer to them."""
        return Counter(found for message in self._take() if (found := _event_id(message)))

    def malformed(self) -> set[str]:
        """Give what was set aside as malformed."""
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
    said = json.loads(message["Body"])
    if "event_id" in said:
        return said["event_id"]
    if "call_id" not in said:
        return None
    natural = f"{said['event_type']}\n{said['business_id']}\n{said['call_id']}"
    return f"evt_{hashlib.sha256(natural.encode()).hexdigest()[:32]}"
