"""The Makefile's commands run and invoke, so that a change that breaks them is noticed."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.fakes.receiver import Receiver
from infra.local import environment
from infra.local.invoke import invoke
from infra.local.ministack import free_port, usable
from infra.local.processes import until
from infra.local.stack import Stack

from .business import TestBusiness
from .logs import Confidential
from .queues import DeadLetters
from .waits import SECONDS

START_SECONDS = 300
"""`make run` builds first, which is quick here, since the tests have built the same code."""


@contextmanager
def demonstration(log: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `make run`'s command until the block ends."""
    env = os.environ | {"PORT": str(port)}
    with log.open("wb") as output:
        argv = [sys.executable, "-m", "infra.local.run"]
        process = subprocess.Popen(argv, cwd=environment.ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_shows_a_call_stays_up_and_stops_its_processes(tmp_path: Path, number: signal.Signals) -> None:
    log, port = tmp_path / "run.log", free_port()
    with demonstration(log, port) as process:
        until(lambda: process.poll() is not None or "until Ctrl-C" in log.read_text(), START_SECONDS, "make run")
        output = log.read_text()
        assert process.poll() is None, output
        assert output.count(" right (") == 2
        assert "שלום" not in output
        process.send_signal(number)
        process.wait(SECONDS)
    usable(port)
    [receiver_port] = set(re.findall(r"receiver +http://127\.0\.0\.1:(\d+)", output))
    usable(int(receiver_port))


def test_run_names_a_port_that_is_in_use_in_one_line(stack: Stack) -> None:
    port = stack.endpoint.rpartition(":")[2]
    argv = [sys.executable, "-m", "infra.local.run", "--once"]
    env = os.environ | {"PORT": port}
    ended = subprocess.run(argv, cwd=environment.ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"Port {port} ")
    assert ended.stderr.count("\n") == 1


def test_missing_prerequisites_are_named_in_one_line_each(tmp_path: Path) -> None:
    for tool in ("uname", "sed", "sort", "head", "cut"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    argv = ["/bin/sh", "infra/local/prerequisites.sh", "python3"]
    ended = subprocess.run(
        argv, cwd=environment.ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    missing = ended.stderr.splitlines()
    assert [line.split(":")[0] for line in missing] == ["Missing"] * 3
    assert all(word in line for word, line in zip(["Python", "C compiler", "Rust"], missing, strict=True))


def test_invoke_delivers_the_batch_and_sets_the_poisoned_one_aside(
    stack: Stack, receiver: Receiver, confidential: Confidential, dead_letters: DeadLetters
) -> None:
    demo = TestBusiness("demo", stack, receiver, confidential)
    demo.answers(200)
    answer = invoke(stack, environment.ROOT / "events" / "sqs" / "batch_with_poisoned.json")
    assert answer == '{"batchItemFailures":[]}'
    assert len(demo.receives(3)) == 3
    assert dead_letters.wait('"business_id":"demo"')["MessageAttributes"]["reason"]["StringValue"] == "malformed"
