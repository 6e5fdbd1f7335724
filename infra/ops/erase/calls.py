"""Which records and messages are of a call.

- The event `call.completed` of that call, by its id: a hash of type, business and call (`EventId::derive` in
  `shared/domain/src/event.rs`). It is found even if its record has no body that can be read.
- Every other event of the business whose body names the call as `call_id`, or as `call_id` in its `metadata`.
"""

import hashlib
import json
import re
from decimal import Decimal
from functools import cache
from typing import Any

import zstandard

from infra.local import environment

DICTIONARIES = environment.ROOT / "shared" / "adapters" / "src" / "body"
WITHOUT_HEBREW = 2
"""The dictionary, by its id, of the bodies without the bytes 0xD7 (`shared/adapters/src/body.rs`)."""
HEBREW = re.compile(rb"[\xc0-\xdf].|[\xe0-\xef]..|[\xf0-\xff]...|([\x80-\xbf])", re.DOTALL)
"""A character of two bytes or more, or a byte that has lost the 0xD7 before it."""
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
        brief = zstandard.get_frame_parameters(body).dict_id == WITHOUT_HEBREW
        text = _decompressor("calls-2" if brief else "calls-1").decompress(body, max_output_size=MOST_BYTES)
        return (HEBREW.sub(_whole, text) if brief else text).decode()
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
def _decompressor(name: str) -> zstandard.ZstdDecompressor:
    dictionary = (DICTIONARIES / f"{name}.zdict").read_bytes()
    return zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary))


def _whole(found: re.Match[bytes]) -> bytes:
    return b"\xd7" + found[1] if found[1] else found[0]
