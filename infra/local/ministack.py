"""MiniStack: the local stand-in for AWS, a process that runs the compiled function behind real queues and tables.

Everything that only MiniStack needs is here: its port, the servers that it must not open, its folders, and the switch
(`AUTH`) by which it checks the policies of the template, so that a permission missing there fails here. The functions
inherit MiniStack's environment, so MiniStack gets almost none.

This module does not know what is deployed on MiniStack.
"""

import socket
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import environment
from .processes import Failure, running, tail, until

HOST = "127.0.0.1"
START_SECONDS = 60
_NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Ministack:
    """A running MiniStack."""

    endpoint: str
    process: int
    """The id of its process, whose children the functions are."""


@contextmanager
def ministack(port: int | None, log: Path, functions_use: str | None = None) -> Iterator[Ministack]:
    """Run MiniStack on a loopback port, a free one unless told.

    Functions are given its own endpoint for AWS's, or the one that they are to use instead.
    """
    port = free_port() if port is None else usable(port)
    endpoint = f"http://{HOST}:{port}"
    with tempfile.TemporaryDirectory(prefix="prosaas-webhooks-", ignore_cleanup_errors=True) as folder:
        settings = {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            "AWS_ENDPOINT_URL": functions_use or endpoint,
            "MINISTACK_REGION": environment.REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AUTH": "true",
            # Nothing here may go through a proxy of the environment, least of all a delivery: one that did would fail.
            "HTTP_PROXY": _NOWHERE,
            "HTTPS_PROXY": _NOWHERE,
            "ALL_PROXY": _NOWHERE,
            "TMPDIR": folder,
            "STATE_DIR": folder,
            "S3_DATA_DIR": folder,
        }
        env = environment.minimal() | environment.credentials() | settings
        with running([sys.executable, "-m", "ministack"], env, log, Path(folder)) as process:
            until(lambda: process.poll() is not None or _healthy(endpoint), START_SECONDS, "MiniStack's start")
            if process.poll() is not None:
                raise Failure(f"MiniStack ended at once\n{tail(log)}")
            yield Ministack(endpoint, process.pid)


def free_port() -> int:
    """Find a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def usable(port: int) -> int:
    """Make sure that a server can listen on a loopback port, and return it."""
    with socket.socket() as probe:
        # As a server binds: a port that is only cooling down from an earlier run is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Failure(f"Port {port} cannot be used ({error.strerror}): free it, or choose another.") from None
    return port


def _healthy(endpoint: str) -> bool:
    # Without the proxies of the environment: they do not lead to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint}/_ministack/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
