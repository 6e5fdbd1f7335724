"""Conformance: whether `deliver` has made exactly the calls that its pure code makes.

At `LogLevel=DEBUG`, `deliver` writes a line `called` for each call that its pure code makes of the world, with the
reply. The example `conformance` of `shared/domain` runs the pure code once more with these replies, and compares the
calls. The model checker and the simulation run the same pure code, so what they show holds for the function too.
"""

import re
import subprocess
from dataclasses import dataclass

from . import environment
from .building import build_examples
from .processes import Failure

SECONDS = 300
_SUMMARY = re.compile(r"(\d+) runs and (\d+) calls checked, (\d+) runs cut off, 0 runs deviate")


@dataclass(frozen=True)
class Conformance:
    """The counts of a log whose runs all conform. A run is a delivery, or a step of a replay."""

    runs: int
    calls: int
    cut_off: int
    """How many runs have no end, since their process was killed or their time was over."""

    def __str__(self) -> str:
        """Give the counts as text."""
        return (
            f"Conformance: the pure code makes the same {self.calls} calls in {self.runs} runs, "
            f"of which {self.cut_off} were cut off"
        )


def check_conformance(log: list[str]) -> Conformance:
    """Check every run in a log of `deliver`. A run that deviates is a failure, with the run's lines."""
    program = build_examples()["conformance"]
    # A line that a kill has cut off is no JSON, and the program passes over such a line.
    done = subprocess.run(
        [str(program)],
        input="\n".join(log),
        capture_output=True,
        text=True,
        cwd=environment.ROOT,
        timeout=SECONDS,
        check=False,
    )
    found = _SUMMARY.search(done.stdout)
    if done.returncode != 0 or not found:
        raise Failure(f"`deliver` has not run as its pure code does:\n{done.stdout}{done.stderr}")
    return Conformance(*map(int, found.groups()))
