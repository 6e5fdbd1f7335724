"""The two stand-ins for AWS, as processes: `dynalite` for DynamoDB, `moto` for SQS, SNS and Secrets Manager.

Both keep everything in memory, listen on loopback alone and end with the block.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import environment
from infra.local.ministack import HOST, free_port
from infra.local.processes import Failure, running, tail, until

DYNALITE = environment.LOCAL / "dynalite" / "node_modules" / "dynalite" / "cli.js"
START_SECONDS = 60


@dataclass(frozen=True)
class Servers:
    """The stand-ins' endpoints."""

    dynamodb: str
    others: str

    def of(self, service: str) -> str:
        """Give the endpoint of an AWS service."""
        return self.dynamodb if service == "dynamodb" else self.others


@contextmanager
def running_servers(logs: Path) -> Iterator[Servers]:
    """Run both servers for as long as the block lasts."""
    dynalite, moto = free_port(), free_port()
    quick = [f"--{state}TableMs=0" for state in ("create", "update", "delete")]
    commands = {
        dynalite: [str(environment.NODE), str(DYNALITE), f"--host={HOST}", f"--port={dynalite}", *quick],
        moto: [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(moto)],
    }
    env = environment.minimal() | environment.credentials()
    with ExitStack() as lasting:
        for port, argv in commands.items():
            log = logs / f"{'dynalite' if port == dynalite else 'moto'}.log"
            process = lasting.enter_context(running(argv, env, log, environment.ROOT))
            until(
                lambda port=port, process=process: process.poll() is not None or _listens(port), START_SECONDS, argv[1]
            )
            if process.poll() is not None:
                raise Failure(f"{argv[1]} ended at once\n{tail(log)}")
        yield Servers(f"http://{HOST}:{dynalite}", f"http://{HOST}:{moto}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
