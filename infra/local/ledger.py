"""The attempts in a record of the ledger, for tools and tests that read or write them.

The function keeps the last twenty attempts, each in an attribute that is named by the attempt's number.
"""

import random
from typing import Any

KEPT = 20


def attempts(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the attempts that a record keeps, oldest first."""
    slots = (record[name] for number in range(KEPT) if (name := f"attempt_{number:02}") in record)
    return sorted(slots, key=lambda attempt: attempt["number"])


def put_attempts(record: dict[str, Any], attempts: list[dict[str, Any]]) -> None:
    """Make these the last attempts of a record whose count of attempts is the same or higher."""
    for number in range(KEPT):
        record.pop(f"attempt_{number:02}", None)
    first = int(record["attempts"]) - len(attempts) + 1
    for number, attempt in enumerate(attempts, first):
        # DynamoDB's numbers have 38 digits. 63 bits are enough to tell attempts apart.
        own = {"number": number, "id": random.getrandbits(63)}
        record[f"attempt_{(number - 1) % KEPT:02}"] = attempt | own
