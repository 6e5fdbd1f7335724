"""A control group that has as much of a processor as Lambda gives a function of some memory.

Source: AWS Lambda Developer Guide, "Configure Lambda function memory": at 1,769 MB a function has one vCPU, and its
share is in proportion to its memory. The period is Lambda's as far as it can be observed.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FULL_MB = 1_769
PERIOD_US = 20_000
_FIRST = Path("/sys/fs/cgroup/cpu")
_SECOND = Path("/sys/fs/cgroup")
_NAME = f"prosaas-bench-{os.getpid()}"


def share(memory_mb: int) -> float:
    """Give the share of a processor that a function of this memory has."""
    return memory_mb / FULL_MB


@contextmanager
def limited(memory_mb: int) -> Iterator[str | None]:
    """Give the folder of a group with that share. None: this user may make no groups, or the system has none."""
    quota = str(int(share(memory_mb) * PERIOD_US))
    folder = None
    with suppress(OSError):
        folder = _made(quota)
    try:
        yield str(folder) if folder else None
    finally:
        if folder:
            folder.rmdir()


def _made(quota: str) -> Path | None:
    if (_FIRST / "cpu.cfs_quota_us").exists():
        limits = {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": quota}
        return _group(_FIRST / _NAME, limits)
    if "cpu" in (_SECOND / "cgroup.subtree_control").read_text().split():
        return _group(_SECOND / _NAME, {"cpu.max": f"{quota} {PERIOD_US}"})
    return None


def _group(folder: Path, limits: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    try:
        for name, value in limits.items():
            (folder / name).write_text(value)
    except OSError:
        folder.rmdir()
        raise
    return folder
