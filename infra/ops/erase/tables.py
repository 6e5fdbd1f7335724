"""Finds and removes the records and the settings of one business.

Every read names the business by the whole hash key and is consistent, so that no other business is touched and nothing
is overlooked that was written a moment ago. Every removal names a whole key.
"""

import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from infra.local.processes import Failure

from . import calls

AT_ONCE = 25
"""The most items of a BatchWriteItem."""

PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0)
"""The seconds before each further try with what DynamoDB has left out of a batch."""


@dataclass(frozen=True)
class Record:
    """A record of the ledger, as far as this command tells of it."""

    event_id: str
    event_type: str
    status: str
    next_attempt: int | None
    """The time of the next attempt in Unix seconds; None: none is planned."""


@dataclass
class Found:
    """The records of a call, and how many of the business's could not be judged, since they have no readable body."""

    records: list[Record]
    unread: int = 0


@dataclass(frozen=True)
class Tables:
    """Both tables of a stack."""

    dynamodb: Any
    settings: str
    deliveries: str

    def has_settings(self, business: str) -> bool:
        """Tell whether a business has an item of settings."""
        key = {"business_id": {"S": business}}
        return "Item" in self.dynamodb.get_item(TableName=self.settings, Key=key, ConsistentRead=True)

    def first_count(self, business: str) -> tuple[int, bool]:
        """Count a business's records as far as one read goes, and tell whether there are more."""
        answer = self.dynamodb.query(**self._of(business), Select="COUNT")
        return answer["Count"], "LastEvaluatedKey" in answer

    def event_ids(self, business: str) -> Iterator[str]:
        """Give the event ids of all records of a business."""
        for item in self._items(business, ProjectionExpression="event_id"):
            yield item["event_id"]["S"]

    def of_call(self, business: str, call: str) -> Found:
        """Find the records of a call, by reading all of the business's bodies."""
        ended, found = calls.event_id(business, call), Found([])
        names = {"#status": "status", "#body": "body"}
        attributes = "event_id, event_type, #status, #body, next_attempt_at"
        for item in self._items(business, ProjectionExpression=attributes, ExpressionAttributeNames=names):
            text = calls.decompressed(item["body"]["B"]) if "B" in item.get("body", {}) else None
            event = calls.read(text) if text else None
            if item["event_id"]["S"] == ended or (event and calls.names(event, call)):
                found.records.append(_record(item))
            elif event is None:
                found.unread += 1
        return found

    def remove_settings(self, business: str) -> bool:
        """Remove a business's item of settings, and tell whether there was one."""
        key = {"business_id": {"S": business}}
        return "Attributes" in self.dynamodb.delete_item(TableName=self.settings, Key=key, ReturnValues="ALL_OLD")

    def remove(self, business: str, event_ids: Iterable[str]) -> Iterator[int]:
        """Remove records by their event ids, and give how many each step has removed."""
        left = iter(event_ids)
        while batch := list(islice(left, AT_ONCE)):
            keys = [{"business_id": {"S": business}, "event_id": {"S": event_id}} for event_id in batch]
            self._remove([{"DeleteRequest": {"Key": key}} for key in keys])
            yield len(batch)

    def _remove(self, requests: list[dict[str, Any]]) -> None:
        for pause in (*PAUSES, None):
            answer = self.dynamodb.batch_write_item(RequestItems={self.deliveries: requests})
            requests = answer.get("UnprocessedItems", {}).get(self.deliveries, [])
            if not requests:
                return
            if pause is not None:
                time.sleep(pause * random.uniform(0.5, 1))
        raise Failure("DynamoDB takes no more removals now. What is removed stays removed: run the command again.")

    def _items(self, business: str, **parameters: object) -> Iterator[dict[str, Any]]:
        """Give all records of a business, page by page."""
        place: dict[str, Any] = {}
        while True:
            answer = self.dynamodb.query(**self._of(business), **parameters, **place)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            place = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _of(self, business: str) -> dict[str, Any]:
        return {
            "TableName": self.deliveries,
            "KeyConditionExpression": "business_id = :business",
            "ExpressionAttributeValues": {":business": {"S": business}},
            "ConsistentRead": True,
        }


def _record(item: dict[str, Any]) -> Record:
    next_attempt = item.get("next_attempt_at", {}).get("N")
    return Record(
        item["event_id"]["S"],
        item.get("event_type", {}).get("S", "of unknown type"),
        item.get("status", {}).get("S", "without a status"),
        int(float(next_attempt) / 1000) if next_attempt else None,
    )
