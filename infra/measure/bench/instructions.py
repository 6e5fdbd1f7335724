"""The number of instructions of a delivery, counted by callgrind, which no other work of the machine changes.

Callgrind knows no instructions for SHA-256, so both programs compute it in software here, and the counts contain more
instructions than a processor with these instructions runs.
"""

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from .plans import Plan, measure

_MORE = 20


def per_delivery(bench: Path, program: Path) -> float | None:
    """Give the millions of instructions of one delivery in batches of ten. None: valgrind is not installed."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    few, many = (_total(valgrind, bench, program, batches) for batches in (1, 1 + _MORE))
    return (many - few) / (_MORE * Plan().events) / 1e6


def _total(valgrind: str, bench: Path, program: Path, batches: int) -> int:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        argv = [valgrind, "--tool=callgrind", f"--callgrind-out-file={out}", program]
        measure(bench, argv, Plan(warm=10, batches=batches))
        found = re.search(r"^totals: (\d+)", out.read_text(), re.MULTILINE)
        assert found
        return int(found[1])
