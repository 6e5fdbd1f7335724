"""Runs of one process: the plan that the program `bench` gets, and the figures that it prints."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from subprocess import run
from typing import Any

from infra.local import environment
from infra.local.processes import Failure

SAMPLE = environment.ROOT / "events" / "samples" / "call.completed.long.json"
CALL_BYTES = 6_000
"""The length of an ordinary call of two minutes, in UTF-8."""


@dataclass(frozen=True)
class Plan:
    """What a process is given to do. `src/plan.rs` says what each member means."""

    bytes: int = CALL_BYTES
    events: int = 10
    warm: int = 30
    parts: int = 1
    batches: int = 100
    status: int = 200
    tls: bool = False
    shares_processor: bool = True
    """Whether the process runs on the fakes' processor. Then its CPU time has no waiting for another processor
    to wake up, which differs from run to run."""
    cgroup: str | None = None
    payload: str | None = None
    answers: Mapping[str, str] | None = None


def measure(
    bench: Path, argv: Sequence[str | Path], plan: Plan, env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a program by a plan, and give the figures (`src/plan.rs`)."""
    members = {name: value for name, value in vars(plan).items() if value is not None and name != "shares_processor"}
    members |= {"argv": [str(part) for part in argv], "env": settings() | dict(env or {}), "sample": str(SAMPLE)}
    with _on_one_processor() if plan.shares_processor else nullcontext():
        done = run([bench, json.dumps(members)], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise Failure(f"{Path(argv[0]).parent.name} could not be measured: {done.stderr.strip()}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


@contextmanager
def _on_one_processor() -> Iterator[None]:
    # A started process has the processors of the one that starts it.
    all_processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(all_processors)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_processors)


def settings() -> dict[str, str]:
    """Give the environment of the deployed functions. The program `bench` adds the addresses of its fakes."""
    queue = "http://127.0.0.1:9/000000000000/"
    secret = "arn:aws:secretsmanager:il-central-1:000000000000:secret:"
    return environment.credentials() | {
        "PATH": os.defpath,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
        "EVENTS_QUEUE_URL": f"{queue}events",
        "DEAD_LETTER_QUEUE_URL": f"{queue}dead",
        "SETTINGS_TABLE_NAME": "settings",
        "DELIVERIES_TABLE_NAME": "deliveries",
        "OWNER_NOTICES_TOPIC_ARN": "arn:aws:sns:il-central-1:000000000000:notices",
        "RETENTION_DAYS": "30",
        "INTERNAL_SECRET_ARN": f"{secret}internal",
        "PORTAL_SECRET_ARN": f"{secret}portal",
        "DASHBOARD_ORIGIN": "",
        "DASHBOARD_URL": "",
        "NOTICES_FROM": "",
        "UNSAFE_TARGETS": "YesForLocalTestsOnly",
        "ATTEMPT_TIMEOUT_SECONDS": "30",
        "RETRY_SCHEDULE_SECONDS": "5,30",
        "MAX_ATTEMPTS": "16",
        "LOG_LEVEL": "INFO",
    }
