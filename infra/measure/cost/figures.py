"""What `make bench` has measured of `deliver`, from `infra/measure/figures.json`."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

from infra.local.processes import Failure

MEASURED = Path(__file__).parents[1] / "figures.json"


@dataclass(frozen=True)
class Figures:
    """The figures of the release build over loopback HTTP, so without TLS; CPU is that of one core."""

    date: str
    machine: str
    init_ms: float
    """From the start of a process to its first request for work."""
    first_ms: float
    """The first invocation of a process, with one event."""
    cpu_alone_us: float
    """The CPU time of one event alone in its batch."""
    cpu_batch_us: float
    """The CPU time of an event in a batch of ten, each of 6 KB."""
    cpu_batch_500_us: float
    """The same, where the receiver answers 500."""
    rss_6mb_mib: float
    """Peak memory with a batch of 6 MB, the most that Lambda hands over."""


def read_figures(path: Path = MEASURED) -> Figures:
    """Read the figures. The file may have more of them."""
    try:
        text = json.loads(path.read_text())
        measured = text["deliver"] | {"date": text["date"], "machine": text["machine"]}
        return Figures(**{field.name: measured[field.name] for field in fields(Figures)})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Failure(f"{path} has not all figures, `make bench` writes them: {error}") from None
