"""Lambda's guard against a function that calls itself without end.

An invocation has a trace id, and the AWS SDK puts the id on every message that the function sends. The id's `Lineage`
counts how often the chain of messages has come through the function. Where that count would exceed sixteen, Lambda does
not invoke the function, unless the function has `RecursiveLoop: Allow`. Lambda sends such a message to the queue's
dead-letter queue; here the message gets there when its receives are spent. A batch is one invocation with one trace id,
so each message that the batch causes inherits the longest chain.

Source: AWS Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops".
"""

import hashlib
import re
import secrets
import threading
import time

INVOCATIONS = 16
"""The most invocations of one function that a chain of messages may cause."""


class RecursionGuard:
    """The guard of one function."""

    def __init__(self, function: str, recursive_loop: str | None) -> None:
        self.terminates = recursive_loop != "Allow"
        """Whether the guard stops a chain that is too long, which is Lambda's default."""
        self.refused = 0
        """How many messages the guard has kept from the function: CloudWatch's RecursiveInvocationsDropped."""
        self.longest = 0
        """The longest chain so far, in invocations."""
        self._lock = threading.Lock()
        self._name = hashlib.sha256(function.encode()).hexdigest()[:8]

    def admit(self, records: list[dict]) -> list[dict]:
        """Give the messages of a batch with which the function is to be invoked."""
        admitted = [record for record in records if not self.terminates or self.earlier(record) < INVOCATIONS]
        with self._lock:
            self.refused += len(records) - len(admitted)
        return admitted

    def trace_id(self, records: list[dict]) -> str:
        """Make the trace id of the invocation that gets these messages."""
        earlier = max((self.earlier(record) for record in records), default=0)
        with self._lock:
            self.longest = max(self.longest, earlier + 1)
        root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0;Lineage=1:{self._name}:{earlier}"

    def earlier(self, record: dict) -> int:
        """Tell how many invocations of the function have led to a message."""
        header = record["attributes"].get("AWSTraceHeader", "")
        found = re.search(rf"Lineage=1:{self._name}:(\d+)", header)
        return int(found[1]) + 1 if found else 0
