"""The cost of an event once the function runs: CPU, memory, and the time of a process's first event.

CPU and memory are the kernel's account of the function's process alone, its start included. The time of the first event
contains the time that this command's servers in Python take to answer the function's requests.
"""

import asyncio
import json
import os
import signal
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.fakes.http_server import listen
from infra.fakes.instant_aws import InstantAws
from infra.fakes.receiver import Receiver
from infra.fakes.runtime_api import Invocation, RuntimeApi
from infra.local.business import new_signing_secret
from infra.local.environment import ROOT, credentials

_NO_DEADLINE = 9_999_999_999_999
SAMPLE = ROOT / "events" / "samples" / "call.completed.short.json"


@dataclass(frozen=True)
class Cost:
    """The cost of a run."""

    ms: float
    """From the process's first request for an invocation to its answer to the last one, the servers' time included."""
    cpu_ms_per_event: float
    peak_mib: float


def settings(endpoint: str, runtime: str) -> dict[str, str]:
    """Give the environment of the deployed function, for servers at these addresses."""
    queue = f"{endpoint}/000000000000/"
    return credentials() | {
        "AWS_LAMBDA_RUNTIME_API": runtime,
        "AWS_LAMBDA_FUNCTION_NAME": "deliver",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
        "AWS_ENDPOINT_URL": endpoint,
        "EVENTS_QUEUE_URL": f"{queue}events",
        "DEAD_LETTER_QUEUE_URL": f"{queue}dead",
        "SETTINGS_TABLE_NAME": "settings",
        "DELIVERIES_TABLE_NAME": "deliveries",
        "OWNER_NOTICES_TOPIC_ARN": "arn:aws:sns:il-central-1:000000000000:notices",
        "RETENTION_DAYS": "30",
        "INTERNAL_SECRET_ARN": "arn:aws:secretsmanager:il-central-1:000000000000:secret:internal",
        "UNSAFE_TARGETS": "YesForLocalTestsOnly",
        "ATTEMPT_TIMEOUT_SECONDS": "30",
        "RETRY_SCHEDULE_SECONDS": "5,30",
        "MAX_ATTEMPTS": "16",
        "LOG_LEVEL": "INFO",
    }


def cost(binary: Path, batches: int, size: int) -> Cost:
    """Run the function on so many batches of so many events each, which the receiver accepts."""
    run, failed = asyncio.run(_run(binary, batches, size, None))
    if failed:
        raise RuntimeError(f"{failed} invocations did not deliver all of their events")
    return run


def refused_handshake_ms(binary: Path, tls: ssl.SSLContext) -> float:
    """Give the time that a new process takes for its first event, sent to a TLS server whose certificate it refuses.

    The handshake does everything except the check of a signature. A machine without a publicly trusted certificate
    cannot measure more of a first delivery over https.
    """
    run, failed = asyncio.run(_run(binary, 1, 1, tls))
    if not failed:
        raise RuntimeError("an untrusted certificate was accepted")
    return run.ms


async def _run(binary: Path, batches: int, size: int, tls: ssl.SSLContext | None) -> tuple[Cost, int]:
    receiver, port = await listen(Receiver().handle, tls)
    url = f"https://localhost:{port}/hook" if tls else f"http://127.0.0.1:{port}/hook"
    aws, aws_port = await listen(InstantAws(url, new_signing_secret()).handle)
    runtime_api = RuntimeApi(asyncio.get_running_loop())
    runtime, runtime_port = await listen(runtime_api.handle)
    invocations = [Invocation(str(number), _batch(number, size), _NO_DEADLINE) for number in range(batches)]
    for invocation in invocations:
        runtime_api.hand_over(invocation)
    process = _start(binary, settings(f"http://127.0.0.1:{aws_port}", f"127.0.0.1:{runtime_port}"))
    try:
        answered = asyncio.gather(*(asyncio.wrap_future(invocation.answer) for invocation in invocations))
        answers = await asyncio.wait_for(answered, 300)
        ended = time.monotonic()
        peak_mib = _peak_mib(process)
    finally:
        os.kill(process, signal.SIGKILL)
        _, _, usage = os.wait4(process, 0)
        for server in (receiver, aws, runtime):
            server.close()
    failed = sum(json.loads(answer)["batchItemFailures"] != [] for answer in answers)
    assert runtime_api.first_asked is not None
    cpu_ms = (usage.ru_utime + usage.ru_stime) * 1000
    return Cost((ended - runtime_api.first_asked) * 1000, cpu_ms / (batches * size), peak_mib), failed


def _start(binary: Path, env: Mapping[str, str]) -> int:
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    return os.posix_spawn(binary, [str(binary)], env, file_actions=silent)


def _peak_mib(process: int) -> float:
    # The maximum of wait4 would include the memory that this process had when it started the function.
    [line] = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _batch(number: int, size: int) -> bytes:
    event = json.loads(SAMPLE.read_text())
    records = []
    for place in range(size):
        event["call_id"] = f"CA{number:08}{place:02}"
        record = {
            "messageId": f"{number:08}-{place:02}",
            "receiptHandle": "AQEB" + "x" * 200,
            "body": json.dumps(event),
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1762155755000", "MessageGroupId": "demo"},
            "messageAttributes": {},
            "md5OfBody": "0" * 32,
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:il-central-1:000000000000:events",
            "awsRegion": "il-central-1",
        }
        records.append(record)
    return json.dumps({"Records": records}).encode()
