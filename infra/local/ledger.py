"""The attempts in a record of the ledger, for tools and tests that read or write them.

The function keeps the last twenty attempts, each in an attribute that is named by the attempt's number.
"""

import random
from typing import Any

KEPT = 20

NAMES = {
    "n": "number",
    "i": "id",
    "a": "at",
    "c": "cause",
    "s": "status_code",
    "d": "dns_ms",
    "k": "connect_ms",
    "t": "tls_ms",
    "b": "first_byte_ms",
    "m": "total_ms",
    "x": "snippet",
    "f": "format",
    "l": "location",
    "u": "clue",
    "r": "refusal",
}
"""The names in an attempt's map, as `shared/adapters/src/deliveries_table/attempt.rs` has them, and what they mean."""


def attempts(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the attempts that a record keeps, oldest first, by the names' meanings."""
    slots = (record[name] for number in range(KEPT) if (name := f"attempt_{number:02}") in record)
    meant = ({NAMES.get(name, name): value for name, value in slot.items()} for slot in slots)
    return sorted(meant, key=lambda attempt: attempt["number"])


def put_attempts(record: dict[str, Any], attempts: list[dict[str, Any]]) -> None:
    """Make these the last attempts of a record whose count of attempts is the same or higher."""
    for number in range(KEPT):
        record.pop(f"attempt_{number:02}", None)
    short = {meaning: name for name, meaning in NAMES.items()}
    first = int(record["attempts"]) - len(attempts) + 1
    for number, attempt in enumerate(attempts, first):
        # DynamoDB's numbers have 38 digits. 63 bits are enough to tell attempts apart.
        own = {"number": number, "id": random.getrandbits(63)}
        meant = attempt | own
        record[f"attempt_{(number - 1) % KEPT:02}"] = {short[name]: value for name, value in meant.items()}
