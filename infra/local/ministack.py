"""MiniStack: the local stand-in for AWS, a process that runs the compiled function behind real queues and tables.

This module has everything that only MiniStack needs: its port, the servers that it must not open, its folders, and the
switch `AUTH`, by which it checks the policies of the template, so that a test fails if a permission is missing there.
The functions inherit MiniStack's environment, so MiniStack gets few variables.

This module does not depend on the stack that is deployed on MiniStack.
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
_CLOSED_PORT = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Ministack:
    """A running MiniStack."""

    endpoint: str
    process: int
    """The id of MiniStack's process. The functions' processes are its children."""


@contextmanager
def ministack(port: int | None, log: Path, functions_use: str | None = None) -> Iterator[Ministack]:
    """Run MiniStack on a loopback port, a free one unless a port is given.

    The functions' endpoint of AWS is MiniStack's, unless `functions_use` gives another.
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
            # A delivery must not go through a proxy of the environment: one that would, fails.
            "HTTP_PROXY": _CLOSED_PORT,
            "HTTPS_PROXY": _CLOSED_PORT,
            "ALL_PROXY": _CLOSED_PORT,
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
    """Make sure that a server can listen on a loopback port, and return the port."""
    with socket.socket() as probe:
        # As a server binds, so that a port in TIME_WAIT after an earlier run counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Failure(f"Port {port} cannot be used ({error.strerror}): free it, or choose another.") from None
    return port


def _healthy(endpoint: str) -> bool:
    # Without the environment's proxies, which do not lead to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{endpoint}/_ministack/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
