"""What a release is made from: the version, the commit, and the tools that decide the programs' bytes."""

import re
import subprocess
import sys
from dataclasses import dataclass

from infra.local import environment

_TOOLS = {
    # The compiler, the command that calls it, and the linker.
    "rustc": ["rustc", "--version"],
    "cargo-lambda": ["cargo", "lambda", "--version"],
    "zig": ["python-zig", "version"],
}


@dataclass(frozen=True)
class Release:
    """A release."""

    version: str
    commit: str
    """The commit's hash, with `-dirty` behind it if the checkout differs from the commit, or `unknown`."""
    committed: str | None
    """When the commit was made, in UTC to RFC 3339."""
    tools: dict[str, str]
    """The tools' versions, by their names."""

    @property
    def is_of_a_commit(self) -> bool:
        """Whether somebody else can have the same sources."""
        return re.fullmatch("[0-9a-f]{40,}", self.commit) is not None


def of_checkout() -> Release:
    """Describe the release that this checkout gives."""
    version = re.search(r'^version = "(.+)"$', (environment.ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    if version is None:
        raise ValueError("Cargo.toml has no version of the workspace")
    tools = {name: _output(argv).removeprefix(f"{name} ") for name, argv in _TOOLS.items()}
    commit, committed = _commit()
    return Release(version[1], commit, committed, tools)


def _commit() -> tuple[str, str | None]:
    try:
        head = _output(["git", "rev-parse", "HEAD"])
        dirty = "-dirty" if _output(["git", "status", "--porcelain"]) else ""
        return head + dirty, _output(["git", "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"])
    except FileNotFoundError:
        print("git is missing, which knows the commit.", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        # No repository, or one of another user, which git does not trust.
        print(error.stderr.strip(), file=sys.stderr)
    return "unknown", None


def _output(argv: list[str]) -> str:
    env = environment.building() | {"TZ": "UTC"}
    return subprocess.run(
        argv, cwd=environment.ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout.strip()
