"""`make test`, its end-to-end part: nine runs of pytest that go on at the same time, and one that follows them.

Most tests wait for real seconds to pass, so nine runs beside each other take little longer than the longest. Each test
is in one run, by its mark; the first has the tests without a mark. The last run has the tests marked `alone`: they have
bounds on time or on attempts in flight, or build the functions anew, and need the machine for themselves.

The functions and the examples are built once, before all runs. Each run has its files in a folder of its own below
`.local/run/tests`. The three runs that share one stack among their tests look back on its whole log at their end. The
first run prints as it goes, and the output of the others follows. Arguments go to every run: `-k story`, `-x`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from infra.local import environment
from infra.local.building import ALREADY_BUILT, build, build_examples
from infra.local.processes import command
from infra.local.run import step

TESTS = environment.ROOT / "infra" / "tests"
LOGS = environment.RUN / "tests"
FOLDER = "RUN_OF_TESTS"
"""The variable that names a run, and so the folder of its files."""

PARALLEL = {
    "deliveries": "not portal and not own_stack and not second and not alone and not n8n",
    "portal": "portal and not page or last",
    "page": "page or last",
    "own_stack": "own_stack and not mails and not chaos and not on_call",
    "on_call": "on_call",
    "chaos": "chaos",
    "mails": "mails",
    "second": "second and not edges",
    "edges": "edges",
}
ALONE = "alone"
GOOD = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
"""A run has no tests where the arguments choose tests of other runs only."""


def main() -> int:
    """Run all tests, and return 0 if all have passed."""
    arguments = sys.argv[1:]
    with step("Finding the functions and the examples, or building them"):
        build()
        build_examples()
    LOGS.mkdir(parents=True, exist_ok=True)
    first, *others = PARALLEL
    with ExitStack() as running:
        runs = [running.enter_context(started(first, PARALLEL[first], arguments))]
        runs += [running.enter_context(started(run, PARALLEL[run], arguments, output_of(run))) for run in others]
        statuses = []
        for run, process in zip(PARALLEL, runs, strict=True):
            statuses.append(process.wait())
            if run != first:
                show(run)
    with started(ALONE, ALONE, arguments) as alone:
        statuses.append(alone.wait())
    return 0 if all(status in GOOD for status in statuses) else 1


def output_of(run: str) -> Path:
    """Give the file of a run's output."""
    return LOGS / f"{run}.log"


@contextmanager
def started(
    run: str, marks: str, arguments: Sequence[str], output: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start pytest for the tests with these marks, and see to it that it ends before the block does."""
    argv = [sys.executable, "-m", "pytest", "-c", str(TESTS / "pytest.ini"), "-m", marks, *arguments, str(TESTS)]
    # A test that calls make is no job of the make that calls the tests.
    inherited = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    env = inherited | {ALREADY_BUILT: "yes", FOLDER: run, "PYTHONUNBUFFERED": "1"}
    with ExitStack() as lasting:
        file = lasting.enter_context(output.open("wb")) if output else None
        # In a session of its own, so that Ctrl-C in the terminal reaches this process alone.
        process = subprocess.Popen(
            argv, cwd=environment.ROOT, env=env, stdout=file, stderr=file, start_new_session=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                # One interrupt lets pytest stop the stacks that it has started; a second would cut that short.
                process.send_signal(signal.SIGINT)
                process.wait()


def show(run: str) -> None:
    """Print what a run has written."""
    print(f"\nThe run `{run}`, which went on beside this one:\n", flush=True)
    sys.stdout.buffer.write(output_of(run).read_bytes())
    sys.stdout.flush()


if __name__ == "__main__":
    command(main)
