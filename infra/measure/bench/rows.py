"""The lines of the table: how each is measured, beside which reference, and its goal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from infra.measure.artifact import zip_bytes

from . import instructions, page
from .plans import Plan, measure
from .programs import Programs

Figures = dict[str, Any]


CLEARLY = 1.25
"""A ratio that misses its goal by more than this factor is clearly behind. Smaller differences may be the machine's."""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    label: str
    plan: Plan | None
    """What a process is given to do in a round. None: the line is not measured in rounds."""
    value: Callable[[Figures], float] | None
    """Gives the value from the figures of a run in a round."""
    reference: str
    """The program beside which `deliver` is measured: hello or floor."""
    goal: float | None = None
    """The ratio that is not to be exceeded, or with `more_is_better` not to be missed. None: there is none."""
    most: float | None = None
    """The value of `deliver` that is not to be exceeded. None: there is no such goal."""
    bound: float | None = None
    """The ratio that is clearly behind and fails the command. None: a quarter beyond the goal."""
    runs: int = 1
    """How often a round runs each program, for a run that takes milliseconds."""
    digits: int = 0
    more_is_better: bool = False
    programs: tuple[str, ...] = ("hello", "floor", "deliver")


@dataclass
class Measured:
    """A line's values: of each program, one for each run."""

    row: Row
    values: dict[str, list[float]] = field(default_factory=dict)

    def of(self, program: str) -> float | None:
        """Give a program's median. None: the program was not measured."""
        return median(self.values[program]) if self.values.get(program) else None

    @property
    def ratio(self) -> float | None:
        """Give the ratio of `deliver` to its reference."""
        deliver, reference = self.of("deliver"), self.of(self.row.reference)
        return deliver / reference if deliver and reference else None

    @property
    def misses(self) -> bool:
        """Whether the ratio or the value misses its goal."""
        value, most = self.of("deliver"), self.row.most
        return self._is_beyond(self.row.goal) or (value is not None and most is not None and value > most)

    @property
    def is_clearly_behind(self) -> bool:
        """Whether the ratio misses the goal by so much that another run would show the same."""
        goal, bound = self.row.goal, self.row.bound
        if bound is None and goal is not None:
            bound = goal / CLEARLY if self.row.more_is_better else goal * CLEARLY
        return self._is_beyond(bound)

    def _is_beyond(self, limit: float | None) -> bool:
        if limit is None or self.ratio is None:
            return False
        return self.ratio < limit if self.row.more_is_better else self.ratio > limit


def _one(name: str) -> Callable[[Figures], float]:
    return lambda figures: figures[name]


def _each(name: str) -> Callable[[Figures], float]:
    return lambda figures: median(figures[name])


def _megabytes(figures: Figures) -> float:
    return figures["rss_kib"] * 1024 / 1e6


CPU, RATE, BATCH = _each("cpu_us_per_event"), _each("events_per_s"), _each("batch_ms")
START, FIRST = Plan(warm=0), Plan(events=1, warm=1, parts=0)


def rows(cgroup: str | None) -> list[Row]:
    """Give the lines. Without a control group there is none under a quota."""
    with_work = ("floor", "deliver")
    lines = [
        # ARCHITECTURE says why the start and the memory miss their goals.
        Row("start, ms", START, _one("init_ms"), "hello", 1.35, bound=2.6, runs=5, digits=2),
        Row("first invocation, ms", FIRST, _one("first_ms"), "floor", 1.2, runs=5, digits=2),
        Row("CPU of start and first, ms", FIRST, _one("first_cpu_ms"), "floor", bound=1.8, runs=5, digits=2),
        Row(
            "first invocation over https, ms",
            Plan(events=1, warm=1, parts=0, tls=True),
            _one("first_ms"),
            "floor",
            bound=1.5,
            runs=3,
            digits=2,
            programs=with_work,
        ),
        Row("CPU an event, tens of 6 KB, us", Plan(), CPU, "floor", 1.15),
        Row("the same, answered by 500, us", Plan(status=500), CPU, "floor", 1.7, programs=with_work),
        Row("CPU of one event alone, us", Plan(events=1, batches=500), CPU, "floor", 1.1),
        Row("CPU an event, tens of 100 KB, us", Plan(bytes=100_000, batches=20), CPU, "floor", 1.2),
        Row("events a second", Plan(shares_processor=False), RATE, "floor", 0.9, more_is_better=True),
        Row("peak of memory, MB", Plan(), _megabytes, "floor", most=8.5, bound=1.75, digits=1),
        Row(
            "peak of memory, tens of 600 KB, MB",
            Plan(bytes=600_000, warm=3, batches=3),
            _megabytes,
            "floor",
            most=28,
            bound=2,
            digits=1,
        ),
    ]
    if cgroup:
        plan = Plan(cgroup=cgroup, shares_processor=False, warm=5, batches=50)
        lines.insert(8, Row("ten events under the quota, ms", plan, BATCH, "floor", 1.2, digits=1))
    return lines


def take_round(programs: Programs, lines: list[Measured], short: bool) -> None:
    """Measure each line once more, the programs in turn. Lines with the same plan share the runs."""
    plans: dict[Plan, list[Measured]] = {}
    for line in lines:
        plans.setdefault(line.row.plan, []).append(line)
    for plan, sharing in plans.items():
        for _ in range(max(line.row.runs for line in sharing)):
            for name in sharing[0].row.programs:
                shorter = Plan(**(vars(plan) | {"batches": max(1, plan.batches // 2)})) if short else plan
                figures = measure(programs.bench, [_path(programs, name)], shorter)
                for line in sharing:
                    line.values.setdefault(name, []).append(line.row.value(figures))


def size(programs: Programs) -> Measured:
    """Give the line of the zips' sizes."""
    row = Row("zip, KB", None, None, "floor", most=2_700, bound=1.65)
    return Measured(row, {name: [zip_bytes(_path(programs, name).parent) / 1e3] for name in ("floor", "deliver")})


def counted(programs: Programs) -> Measured | None:
    """Give the line of a delivery's instructions. None: valgrind is not installed."""
    found = {name: instructions.per_delivery(programs.bench, _path(programs, name)) for name in ("floor", "deliver")}
    if None in found.values():
        return None
    row = Row("instructions a delivery, millions", None, None, "floor", most=2.2, bound=1.25, digits=2)
    return Measured(row, {name: [count] for name, count in found.items() if count is not None})


def portal(programs: Programs, runs: int) -> tuple[float, float, float]:
    """Give the portal's start in ms, and of its page with 20 rows the first view in ms and the next ones' CPU in us."""
    plan = Plan(payload=page.invocation(), answers=page.answers(), warm=20, batches=100)
    taken = [measure(programs.bench, [programs.portal], plan) for _ in range(runs)]
    return (
        median(figures["init_ms"] for figures in taken),
        median(figures["first_ms"] for figures in taken),
        median(CPU(figures) for figures in taken),
    )


def _path(programs: Programs, name: str) -> Path:
    path: Path = getattr(programs, name)
    return path
