"""The time from the start of a process to its first request for work, which Lambda calls its init."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median


def init_ms(binaries: list[Path], env: Mapping[str, str], runs: int) -> list[float]:
    """Give the median time from starting each binary to its first request for an invocation.

    The binaries are started in turn, so that the machine's other work affects all of them alike.
    """
    times: list[list[float]] = [[] for _ in binaries]
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        for _ in range(runs):
            for binary, measured in zip(binaries, times, strict=True):
                measured.append(_once(binary, dict(env) | {"AWS_LAMBDA_RUNTIME_API": address}, server))
    return [median(measured) for measured in times]


def _once(binary: Path, env: dict[str, str], server: socket.socket) -> float:
    server.settimeout(10)
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    started = time.perf_counter()
    process = os.posix_spawn(binary, [str(binary)], env, file_actions=silent)
    try:
        connection, _ = server.accept()
        with connection:
            request = connection.recv(4096)
            ended = time.perf_counter()
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
    if not request.startswith(b"GET /2018-06-01/runtime/invocation/next"):
        raise RuntimeError(f"{binary.name} requested something other than an invocation")
    return (ended - started) * 1000
