"""The business that a test acts with: its settings, the events that it publishes, and the requests that it receives.

Events are published with plain boto3, as the call service's Python does, and never with the project's own code.
"""

import hashlib
import json
import secrets
import time
from itertools import pairwise
from typing import Any
from uuid import uuid4

from boto3.dynamodb.conditions import Key

from infra.fakes.receiver import Answer, Received, Receiver
from infra.local.business import Business, new_signing_secret
from infra.local.processes import until
from infra.local.stack import Stack

from .logs import Confidential, log_lines
from .waits import SECONDS

CLOCK_SECONDS = 1
"""The most by which a log line's time may be off. No line about a business is older than the business."""


class TestBusiness:
    """A business of one test: its settings, its events, and its endpoint."""

    __test__ = False
    """Keeps pytest from taking the class for a class of tests."""

    def __init__(self, id_: str, stack: Stack, receiver: Receiver, confidential: Confidential) -> None:
        self.id = id_
        self._created = time.time() - CLOCK_SECONDS
        self.stack = stack
        self.receiver = receiver
        self.confidential = confidential
        self.path = self.new_path()
        self.settings = Business(id_, receiver.url + self.path, new_signing_secret())
        confidential.add(self.settings.signing_secret)

    def new_path(self) -> str:
        """Make a path that contains a token, as the paths of real endpoints do."""
        token = secrets.token_urlsafe(16)
        self.confidential.add(token)
        return f"/hooks/{token}"

    def answers(self, *answers: Answer | int, **settings: object) -> None:
        """Save the business, and set how its endpoint answers attempt 1, 2, ...; the last answer repeats."""
        script = [Answer(answer) if isinstance(answer, int) else answer for answer in answers]
        self.receiver.script(self.path, *script)
        self.settings.save(self.stack, **settings)

    def call(self, **fields: object) -> dict[str, Any]:
        """Make a finished call of this business, with a transcript and a summary of its own."""
        event = {
            "event_type": "call.completed",
            "business_id": self.id,
            "call_id": f"CA{uuid4().hex}",
            "lead_id": "9014",
            "phone": f"+97255{secrets.randbelow(10**7):07}",
            "started_at": "2025-11-03T07:41:20.118204",
            "ended_at": "2025-11-03T07:42:33.907551",
            "duration_sec": 74,
            "transcript": f"ליאור: שלום, במה אפשר לעזור? {uuid4().hex}\nלקוחה: רציתי לקבוע תור.",
            "summary": f"נקבע תור לשיננית. {uuid4().hex}",
            "agent_name": "ליאור",
            "direction": "inbound",
            "metadata": {"intent": "book_appointment"},
        } | fields
        self.confidential.add(*(str(event[name]) for name in ("phone", "transcript", "summary")))
        return event

    def publish(self, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Publish an event, by default a new call, and return it."""
        event = self.call() if event is None else event
        self.publish_text(json.dumps(event))
        return event

    def publish_text(self, body: str, **attributes: str) -> None:
        """Publish a message with this body and these attributes."""
        url = self.stack.outputs["EventsQueueUrl"]
        given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self.stack.queue.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=self.id, MessageAttributes=given)

    def receives(self, count: int = 1, path: str | None = None) -> list[Received]:
        """Wait for so many requests, and return all that have arrived."""
        return self.receiver.wait(path or self.path, count, SECONDS)

    def arrived(self) -> list[str]:
        """Give the event ids of the requests that have arrived, in order."""
        return [event_id_of(request) for request in self.received()]

    def hold(self, count: int) -> list[str]:
        """Publish calls to a paused endpoint until all are held, and give their ids in the order of a replay."""
        for _ in range(count):
            self.publish()
        until(lambda: len(self.held()) == count, SECONDS, "held events")
        return self.held()

    def received(self, path: str | None = None) -> list[Received]:
        """Give the requests that have arrived so far."""
        return self.receiver.at(path or self.path)

    def record(self, natural_key: str) -> dict[str, Any] | None:
        """Give the ledger's record of an event by the text from which its id is derived."""
        digest = hashlib.sha256(natural_key.encode()).hexdigest()[:32]
        return self.record_of(f"evt_{digest}")

    def record_of(self, event_id: str) -> dict[str, Any] | None:
        """Give the ledger's record of an event."""
        key = {"business_id": self.id, "event_id": event_id}
        return self.stack.deliveries.get_item(Key=key, ConsistentRead=True).get("Item")

    def recorded(self, event_id: str, status: str) -> dict[str, Any]:
        """Wait until the ledger gives an event this status, and return its record."""

        def find() -> dict[str, Any] | None:
            record = self.record_of(event_id)
            return record if record and record["status"] == status else None

        return until(find, SECONDS, f"a record with the status {status}", every=0.1)

    def held(self) -> list[str]:
        """Give the ids of the held events, in the order of their replay."""
        condition = Key("business_id").eq(self.id)
        answer = self.stack.deliveries.query(IndexName="held", KeyConditionExpression=condition, ConsistentRead=True)
        return [item["event_id"] for item in answer["Items"]]

    def health(self) -> dict[str, Any]:
        """Give the endpoint's state; empty if it never failed."""
        item = self.stack.settings.get_item(Key={"business_id": self.id}, ConsistentRead=True).get("Item", {})
        return item.get("health", {})

    def resume(self) -> None:
        """Resume the endpoint as the portal does: write the state, then send the message of the replay's first step."""
        replay_id = int(self.health()["version"]) + 1
        health = {"version": replay_id, "state": "active"}
        health |= {"replay_id": replay_id, "replay_step": 0, "replay_due": int(time.time() * 1000)}
        self.stack.settings.update_item(
            Key={"business_id": self.id},
            UpdateExpression="SET health = :health",
            ConditionExpression="health.version = :before",
            ExpressionAttributeValues={":health": health, ":before": replay_id - 1},
        )
        self.publish_text(
            json.dumps(
                {"command": "replay", "business_id": self.id, "replay": replay_id, "step": 0},
                separators=(",", ":"),
            )
        )

    def make_overdue(self, minutes: int = 10) -> None:
        """Make everything that is due at the endpoint due some minutes earlier, which is longer than `sweep` waits."""
        health, earlier = self.health(), minutes * 60_000
        names = [name for name in ("probe_due", "replay_due") if name in health]
        health |= {name: health[name] - earlier for name in names}
        notices = [notice | {"at": notice["at"] - earlier} for notice in health.get("notices", [])]
        due = min([health[name] for name in names] + [notice["at"] for notice in notices])
        before = health["version"]
        health |= {"version": before + 1} | ({"notices": notices} if notices else {})
        self.stack.settings.update_item(
            Key={"business_id": self.id},
            UpdateExpression="SET health = :health, unwell = :unwell, due_at = :due",
            ConditionExpression="health.version = :before",
            ExpressionAttributeValues={":health": health, ":unwell": "unwell", ":due": due, ":before": before},
        )

    def resend(self, event_id: str) -> None:
        """Have a stored event sent again, whether it has arrived or not."""
        asked_at = int(time.time() * 1000)
        command = {"command": "deliver", "business_id": self.id, "event_id": event_id, "resend_asked_at": asked_at}
        self.publish_text(json.dumps(command, separators=(",", ":")))

    def move_to(self, url: str) -> None:
        """Set another URL as the dashboard's backend does, without the endpoint's state."""
        self.stack.settings.update_item(
            Key={"business_id": self.id},
            UpdateExpression="SET generic_webhook_url = :url",
            ExpressionAttributeValues={":url": url},
        )

    def logs(self, **fields: object) -> dict[str, Any]:
        """Wait for a log line about this business with these fields, and return it."""
        wanted = {"business_id": self.id} | fields

        def find() -> dict[str, Any] | None:
            return next((line for line in log_lines(self.stack, self._created) if wanted.items() <= line.items()), None)

        return until(find, SECONDS, f"a log line with {wanted}", every=0.2)


def event_id_of(request: Received) -> str:
    """Give the event id of a request."""
    return request.headers["webhook-id"]


def gaps(requests: list[Received]) -> list[float]:
    """Give the seconds between each request and the next."""
    return [later.at - earlier.at for earlier, later in pairwise(requests)]
