"""Past deliveries of the demo business, so that its page has content: calls that arrived, and calls that did not.

Each call is delivered first, so that the ledger has its content in the ledger's own form. Then its record is rewritten
as if the endpoint had been down. The queues agree with the records: an event that is `retrying` has a message that will
come, and an event that is `failed` has a copy in the dead-letter queue.
"""

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from infra.fakes.receiver import Receiver

from . import environment
from .business import Business
from .ledger import attempts, put_attempts
from .processes import until
from .stack import Stack

SECONDS = 60
PATH = "/demo/history"
NEXT_ATTEMPT = timedelta(minutes=12)

_NOT_REGISTERED = '{"code":404,"message":"The requested webhook \\"POST calls\\" is not registered."}'


@dataclass(frozen=True)
class PastDelivery:
    """The outcome of a call's delivery, and how long ago the call was."""

    sample: str
    phone: str
    ago: timedelta
    status: str = "delivered"
    cause: str | None = None
    status_code: int | None = None
    attempts: int = 1
    snippet: str | None = None


PAST_DELIVERIES = [
    PastDelivery("call.completed.long", "+972550000107", timedelta(days=6, hours=3)),
    PastDelivery("lead.created", "+972550000121", timedelta(days=5, hours=20)),
    PastDelivery(
        "call.completed.short",
        "+972550000138",
        timedelta(days=4, hours=2),
        "failed",
        "status",
        404,
        16,
        _NOT_REGISTERED,
    ),
    PastDelivery("call.completed.outbound", "+972550000142", timedelta(days=2, hours=6)),
    PastDelivery("call.completed.short", "+972550000156", timedelta(hours=22), "held"),
    PastDelivery("call.completed.long", "+972550000163", timedelta(minutes=31), "retrying", "timeout", None, 4),
]


def add_past_deliveries(stack: Stack, receiver: Receiver, business: Business) -> None:
    """Give the business its past deliveries. Its URL is the same afterwards."""
    business.at(receiver.url + PATH).save(stack)
    for number, past in enumerate(PAST_DELIVERIES):
        event = json.loads((environment.ROOT / "events" / "samples" / f"{past.sample}.json").read_text())
        event |= {"phone": past.phone, "business_id": business.id}
        event |= {name: f"{event[name]}-{number}" for name in ("call_id", "lead_id") if name in event}
        stack.queue.send_message(
            QueueUrl=stack.outputs["EventsQueueUrl"], MessageBody=json.dumps(event), MessageGroupId=business.id
        )
        [*_, received] = receiver.wait(PATH, number + 1, SECONDS)
        _rewrite(stack, business, received.headers["webhook-id"], past)
    business.save(stack)


def _rewrite(stack: Stack, business: Business, event_id: str, past: PastDelivery) -> None:
    key = {"business_id": business.id, "event_id": event_id}
    # The function writes the record after the endpoint's answer.
    until(lambda: "Item" in stack.deliveries.get_item(Key=key, ConsistentRead=True), SECONDS, "a record")
    record = stack.deliveries.get_item(Key=key, ConsistentRead=True)["Item"]
    happened = datetime.now(timezone.utc) - past.ago
    created_at = happened.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    ended = _ms(happened + timedelta(seconds=2))
    record |= {
        "status": past.status,
        "created_at": created_at,
        "occurred": f"{created_at}#{event_id}",
        "updated_at": ended,
        "delivered_at": ended,
        "last_delivered_at": ended,
    }
    record |= {"attempts": past.attempts}
    put_attempts(record, [attempts(record)[-1] | {"at": ended}])
    if past.status != "delivered":
        _make_undelivered(record, past)
    stack.deliveries.put_item(Item=record)
    if past.status == "retrying":
        command = {"command": "deliver", "business_id": business.id, "event_id": event_id}
        # SQS delays a message for a quarter of an hour at most.
        stack.queue.send_message(
            QueueUrl=stack.outputs["EventsQueueUrl"],
            MessageBody=json.dumps(command, separators=(",", ":")),
            DelaySeconds=int(NEXT_ATTEMPT.total_seconds()),
        )
    if past.status == "failed":
        command = {"command": "deliver", "business_id": business.id, "event_id": event_id}
        stack.queue.send_message(
            QueueUrl=stack.outputs["DeadLetterQueueUrl"], MessageBody=json.dumps(command, separators=(",", ":"))
        )


def _make_undelivered(record: dict[str, Any], past: PastDelivery) -> None:
    for name in ("status_code", "response_snippet", "cause", "delivered_at", "last_delivered_at"):
        record.pop(name, None)
    if past.status == "held":
        # A held event does not expire, and this one was never attempted.
        record["held"] = record["occurred"]
        put_attempts(record, [])
        record["attempts"] = 0
        del record["expires_at"]
        return
    reason = {"cause": past.cause, "status_code": past.status_code}
    reason |= {"clue": "no_answer" if past.cause == "timeout" else None}
    record |= {
        name: value for name, value in (reason | {"response_snippet": past.snippet}).items() if value is not None
    }
    attempt = {name: value for name, value in (reason | {"snippet": past.snippet}).items() if value is not None}
    attempt |= {"total_ms": 30_000 if past.cause == "timeout" else 212}
    # The last five attempts. The whole schedule takes 79 hours.
    spacing, last = timedelta(minutes=4), datetime.now(timezone.utc)
    if past.status == "failed":
        spacing, last = timedelta(hours=10, minutes=40), last - past.ago + timedelta(hours=79)
    kept = reversed(range(min(past.attempts, 5)))
    put_attempts(record, [attempt | {"at": _ms(last - number * spacing)} for number in kept])
    record["updated_at"] = _ms(last)
    if past.status == "retrying":
        record["next_attempt_at"] = int((time.time() + NEXT_ATTEMPT.total_seconds()) * 1000)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
