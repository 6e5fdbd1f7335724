"""The project's folders, and the environment variables that a started process inherits.

A build needs the machine's whole configuration (a proxy, a cargo home, a mirror), so it inherits every variable. A
process that runs against the local stack inherits no variable of AWS's: with a real profile or endpoint left in place,
a mistyped variable would reach a real account. Requests to this machine's own addresses go through no proxy.

This module does not write `os.environ` of this process.
"""

import os
import platform
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
RUN = LOCAL / "run"
"""Logs and the state of a running stack."""

VENV_BIN = LOCAL / "venv" / "bin"
NODE = VENV_BIN / "node"
SAM = [str(LOCAL / "sam" / "bin" / "python"), "-m", "samcli"]

REGION = "il-central-1"
ACCOUNT = "000000000000"
ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
"""This machine's architecture by Lambda's name, since the local stack runs functions as processes of the machine."""


def building() -> dict[str, str]:
    """Give the whole environment, with the project's own tools first on the path and without SAM's telemetry."""
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), "127.0.0.1,localhost"]))
    return os.environ | {
        "NO_PROXY": direct,
        "no_proxy": direct,
        "PATH": f"{VENV_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SAM_CLI_TELEMETRY": "0",
        # Otherwise SAM keeps a file about its installation in the home folder.
        "__SAM_CLI_APP_DIR": str(LOCAL / "sam-home"),
    }


def using(endpoint: str) -> dict[str, str]:
    """Give the environment for tools that talk to the local stack at `endpoint` and not to AWS."""
    inherited = {name: value for name, value in building().items() if not name.startswith("AWS_")}
    return inherited | credentials() | {"AWS_ENDPOINT_URL": endpoint}


def credentials() -> dict[str, str]:
    """Give the variables by which any AWS SDK signs as the local stack's root user and reads no configuration."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def minimal() -> dict[str, str]:
    """Give the few variables that every server needs, for a server whose children inherit its environment."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
