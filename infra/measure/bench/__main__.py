"""Measures, prints the table, and fails if a ratio is clearly behind its goal."""

import json
import os
import platform
import time

from infra.local import environment
from infra.local.processes import command
from infra.local.run import step
from infra.measure.artifact import newest_glibc, zip_bytes
from infra.measure.cost.figures import MEASURED as FIGURES

from .plans import Plan, measure
from .programs import Programs, built
from .quota import limited, share
from .rows import Measured, counted, portal, rows, size, take_round

SHORT = bool(os.environ.get("SHORT"))
ROUNDS = 3 if SHORT else 5
QUOTA_MB = 256


def main() -> int:
    """Measure and print, and return the command's status."""
    programs = built()
    with limited(QUOTA_MB) as cgroup:
        if cgroup is None:
            print("No control group can be made here, so nothing is measured under a quota.")
        lines = [Measured(row) for row in rows(cgroup)]
        for number in range(ROUNDS):
            with step(f"Round {number + 1} of {ROUNDS}"):
                take_round(programs, lines, SHORT)
    lines.append(size(programs))
    if not SHORT and (instructions := counted(programs)):
        lines.append(instructions)
    print_table(lines)
    print_further(programs)
    if not SHORT:
        print_long_run(programs)
        keep(lines)
    behind = [line for line in lines if line.is_clearly_behind]
    for line in behind:
        print(f"clearly behind: {line.row.label}: {line.ratio:.2f} x {line.row.reference}")
    return 1 if behind else 0


def print_table(lines: list[Measured]) -> None:
    """Print the medians, the range of `deliver`'s values, and the ratios."""
    print(f"\n{'':36}{'hello':>9}{'floor':>9}{'deliver':>9}   {'from to':<17}{'ratio':<14}goal")
    for line in lines:
        row = line.row
        values = "".join(_number(line.of(name), row.digits, 9) for name in ("hello", "floor", "deliver"))
        low, high = (_number(end(line.values["deliver"]), row.digits, 0) for end in (min, max))
        ratio = f"{line.ratio:.2f} x {row.reference}" if line.ratio else ""
        goal = ""
        if row.goal:
            goal = f"{'>=' if row.more_is_better else '<='} {row.goal}"
        elif row.most:
            goal = f"deliver <= {row.most:,}"
        if line.misses:
            goal += "  missed"
        print(f"{row.label:36}{values}   {f'{low} to {high}':<17}{ratio:<14}{goal}".rstrip())


def print_further(programs: Programs) -> None:
    """Print what has no reference."""
    start, first, cpu = portal(programs, 3 if SHORT else 9)
    glibc = ".".join(str(part) for part in newest_glibc(programs.deliver))
    print(f"""
portal              start {start:.2f} ms; page with 20 deliveries: first {first:.2f} ms, then {cpu:.0f} us of CPU
zip of portal       {zip_bytes(programs.portal.parent) / 1e3:,.0f} KB
glibc               {glibc} or newer""")
    machine = f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}"
    print(
        f"quota               {share(QUOTA_MB):.3f} of a processor, as {QUOTA_MB} MB have\n"
        f"machine             {machine}"
    )


def print_long_run(programs: Programs) -> None:
    """Print how one process fares over 100,000 events."""
    figures = measure(programs.bench, [programs.deliver], Plan(parts=10, batches=1_000))
    first, last = figures["cpu_us_per_event"][0], figures["cpu_us_per_event"][-1]
    kib = figures["rss_now_kib"]
    print(
        f"100,000 events      CPU an event {first:.0f} us in the first tenth, {last:.0f} in the last; "
        f"memory {kib[0] * 1024 / 1e6:.1f} MB, then {kib[-1] * 1024 / 1e6:.1f}"
    )


def keep(lines: list[Measured]) -> None:
    """Write the figures from which `make cost` reckons."""
    of = {line.row.label: line.of("deliver") or 0.0 for line in lines}
    mib = 1e6 / 2**20
    kept = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "deliver": {
            "init_ms": round(of["start, ms"], 2),
            "first_ms": round(of["first invocation, ms"], 2),
            "cpu_alone_us": round(of["CPU of one event alone, us"]),
            "cpu_batch_us": round(of["CPU an event, tens of 6 KB, us"]),
            "cpu_batch_500_us": round(of["the same, answered by 500, us"]),
            "rss_6mb_mib": round(of["peak of memory, tens of 600 KB, MB"] * mib, 1),
        },
    }
    FIGURES.write_text(json.dumps(kept, indent=2) + "\n")
    print(
        f"\nWritten to {FIGURES.relative_to(environment.ROOT)}; "
        "`make format` brings README's table of costs up to date."
    )


def _number(value: float | None, digits: int, width: int) -> str:
    text = "" if value is None else f"{value:,.{digits}f}"
    return f"{text:>{width}}"


if __name__ == "__main__":
    command(main)
