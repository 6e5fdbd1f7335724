"""Makes the dictionary: `python -m infra.dictionary [file]`, with cargo and what `requirements.txt` names.

The content is composed, not trained: each sentence of `text/` once, and behind them what stands in every body. A
trainer would choose what is frequent in its samples, and in composed samples only chance makes a text frequent. The
statistics, by which zstd codes what is not in the dictionary, are of calls whose sentences are not in it: half of the
sentences are the content, and calls of the other half are the samples.
"""

import sys
from pathlib import Path

from backports import zstd

from .calls import DICTIONARY, Calls, content, in_brief, normalised

ID = 2
"""Stands in each compressed body, in one byte."""

LEVEL = 3
"""The level whose repetitions are as long as those that `body.rs` looks for."""

SAMPLES = 1_000
"""How many calls give the statistics."""

MOST_BYTES = 1 << 20


def main() -> None:
    """Make the dictionary, and write it."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else DICTIONARY
    made = dictionary()
    file.write_bytes(made)
    print(f"{file}: {len(made)} bytes")


def dictionary() -> bytes:
    """Give the dictionary: its id, the statistics and the content."""
    other = Calls(2, (1, 2))
    half = content(Calls(1), without=other)
    samples = [in_brief(body) for body in normalised([other.event() for _ in range(SAMPLES)])]
    finalized = zstd.finalize_dict(zstd.ZstdDict(in_brief(half), is_raw=True), samples, MOST_BYTES, LEVEL).dict_content
    head = finalized[: -len(in_brief(half))]
    # A magic number of four bytes, the id in four bytes, then the statistics (RFC 8878, section 5).
    return head[:4] + ID.to_bytes(4, "little") + head[8:] + in_brief(content(Calls(1)))


if __name__ == "__main__":
    main()
