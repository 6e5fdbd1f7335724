"""Starting processes so that all of them end when the command that started them ends, also by a signal.

Each process gets a session of its own, so Ctrl-C in the terminal reaches only the command. The command then stops the
processes and all of their children, by process group. Output goes to a file and is shown only when it explains a
failure.

This module restarts no process and finds none by name.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

GRACE_SECONDS = 10
T = TypeVar("T")


class Failure(Exception):
    """A message for the person at the terminal, printed without a traceback."""


@contextmanager
def running(argv: Sequence[str], env: dict[str, str], log: Path, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process for as long as the block lasts."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def finish(argv: Sequence[str], env: dict[str, str], log: Path, cwd: Path, what: str, seconds: float = 1800) -> str:
    """Run a command to its end and return its output, or fail with the output's last lines."""
    with running(argv, env, log, cwd) as process:
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{what} did not end within {seconds:g} s\n{tail(log)}") from None
    if status != 0:
        raise Failure(f"{what} failed (status {status})\n{tail(log)}")
    return log.read_text(errors="replace")


def until(condition: Callable[[], T | None], seconds: float, what: str, every: float = 0.05) -> T:
    """Wait until a condition gives a true value, and return that value."""
    deadline = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() >= deadline:
            raise Failure(f"{what}: not within {seconds:g} s")
        time.sleep(every)


def tail(log: Path, lines: int = 40) -> str:
    """Give the end of a log, indented, with its path."""
    text = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join([f"  {log}, its last lines:", *(f"  | {line}" for line in text)])


def command(main: Callable[[], int]) -> NoReturn:
    """Run a command's main function. Signals unwind it, a Failure prints its message, its result is the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _unwind)
    # A shell starts background jobs with SIGINT ignored, and Python keeps it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = main()
    except Failure as failure:
        sys.stdout.flush()
        print(failure, file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _unwind(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _stop(process: subprocess.Popen[bytes]) -> None:
    # The group may outlive its leader, so the group is signalled even when the leader has ended.
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
