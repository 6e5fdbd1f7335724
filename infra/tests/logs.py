"""The functions' logs as tests read them, and the texts that no log line may contain."""

import json
from typing import Any

from infra.local.stack import Stack


class Confidential:
    """The texts that no log line may contain, gathered while the tests run."""

    def __init__(self) -> None:
        self.texts: set[str] = set()

    def add(self, *texts: str) -> None:
        """Add texts, without short ones, which would be found by chance."""
        self.texts.update(text for text in texts if len(text) >= 8)


def log_lines(stack: Stack, since: float = 0) -> list[dict[str, Any]]:
    """Give the JSON lines that `deliver` has logged since a time in Unix seconds, without Lambda's own lines."""
    return json_lines(stack.function_log(since))


def json_lines(log: list[str]) -> list[dict[str, Any]]:
    """Give a log's JSON lines."""
    return [json.loads(line) for line in log if line.startswith("{")]
