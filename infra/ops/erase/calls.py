"""Which records and messages are of a call.

- The event `call.completed` of that call, by its id: a hash of type, business and call (`EventId::derive` in
  `shared/domain/src/event.rs`). It is found even if its record has no body that can be read.
- Every other event of the business whose body names the call as `call_id`, or as `call_id` in its `metadata`.
"""

import hashlib
import json
from decimal import Decimal
from functools import cache
from typing import Any

import zstandard

from infra.local import environment

DICTIONARY = environment.ROOT / "shared" / "adapters" / "src" / "body" / "calls-1.zdict"
MOST_BYTES = 6 * 1024 * 1024
"""The largest body that `deliver` reads (`MAX_DECOMPRESSED` in `shared/adapters/src/body.rs`)."""

NO_DIGITS = 1e21
"""From here on JavaScript prints a number with an exponent, and such a number is no id."""


def event_id(business: str, call: str) -> str:
    """Give the id of the event that says that a call has ended."""
    return "evt_" + hashlib.sha256(f"call.completed\n{business}\n{call}".encode()).hexdigest()[:32]


def decompressed(body: bytes) -> str | None:
    """Give the text of a body as the ledger has compressed it; None: it cannot be read."""
    try:
        return _decompressor().decompress(body, max_output_size=MOST_BYTES).decode()
    except (zstandard.ZstdError, UnicodeDecodeError):
        return None


def read(text: str) -> dict[str, Any] | None:
    """Read a JSON object; None: the text is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def names(event: dict[str, Any], call: str) -> bool:
    """Tell whether an event names the call."""
    metadata = event.get("metadata")
    places = [event, metadata] if isinstance(metadata, dict) else [event]
    return any(as_id(place.get("call_id")) == call for place in places)


def as_id(value: object) -> str | None:
    """Give an id as events have it: publishers may write a whole number, and some languages write 1042 as `1042.0`.

    The rule is that of `id` in `shared/domain/src/event/fields.rs`.
    """
    if isinstance(value, float):
        # The digits are those of the shortest text of the number, as JavaScript prints it.
        value = int(Decimal(repr(value))) if value.is_integer() and abs(value) < NO_DIGITS else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


@cache
def _decompressor() -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(DICTIONARY.read_bytes()))
