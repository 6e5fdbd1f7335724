"""The documented ways to publish: the Python code of `events/README.md`, and the call service's example."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local import environment
from infra.local.building import build_examples
from infra.local.stack import Stack

from .business import TestBusiness
from .queues import wait_until_empty
from .waits import SECONDS

README = environment.ROOT / "events" / "README.md"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SHORT = environment.ROOT / "events" / "samples" / "call.completed.short.json"


@pytest.fixture(scope="module")
def example() -> str:
    """Build the call service's example, and give its path."""
    return str(build_examples()["finalize_call_on_stop"])


def publishing(stack: Stack) -> dict[str, str]:
    """Give the environment of a process that publishes."""
    return environment.using(stack.endpoint) | {"EVENTS_QUEUE_URL": stack.outputs["EventsQueueUrl"]}


def run_example(
    example: str, business: TestBusiness, store: Path, *arguments: str | Path, traceparent: str = ""
) -> int:
    """Run the call service's example with its calls in `store`, and return its status."""
    env = publishing(business.stack) | {"CALL_STORE": str(store), "TRACEPARENT": traceparent}
    return subprocess.run([example, *arguments], env=env, check=False, timeout=SECONDS).returncode


def sample_of(business: TestBusiness, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write the short sample as a call of this business."""
    event = json.loads(SHORT.read_text()) | {"business_id": business.id, "call_id": f"CA-{business.id}"}
    business.confidential.add(event["phone"], event["transcript"], event["summary"])
    path = folder / "call.json"
    path.write_text(json.dumps(event, ensure_ascii=False))
    return path, event


def test_python_of_the_readme_publishes(business: TestBusiness, tmp_path: Path) -> None:
    [snippet] = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert '"business_id": "demo"' in snippet
    script = tmp_path / "publish.py"
    script.write_text(snippet.replace('"business_id": "demo"', f'"business_id": "{business.id}"'))
    business.answers(200)
    env = publishing(business.stack) | {"TRACEPARENT": TRACEPARENT}
    subprocess.run([sys.executable, script], env=env, check=True, timeout=SECONDS)
    [request] = business.receives()
    assert request.headers["traceparent"] == TRACEPARENT
    body = json.loads(request.body)
    assert body["event_type"] == "call.completed"
    assert len(body) == 13
    assert body["duration_sec"] == 43
    assert body["started_at"].endswith("Z")


def test_example_of_the_call_service_publishes_a_finished_call(
    business: TestBusiness, example: str, tmp_path: Path
) -> None:
    path, event = sample_of(business, tmp_path)
    business.answers(200)
    assert run_example(example, business, tmp_path / "calls", path, traceparent=TRACEPARENT) == 0
    [request] = business.receives()
    assert request.headers["traceparent"] == TRACEPARENT
    assert json.loads(request.body)["transcript"] == event["transcript"]


def test_crash_between_saving_and_publishing_loses_nothing(
    business: TestBusiness, example: str, tmp_path: Path
) -> None:
    path, event = sample_of(business, tmp_path)
    store = tmp_path / "calls"
    business.answers(200)
    assert run_example(example, business, store, path, "--crash-before-publishing") != 0
    assert business.received() == []
    assert run_example(example, business, store) == 0
    [request] = business.receives()
    assert json.loads(request.body)["call_id"] == event["call_id"]
    assert run_example(example, business, store) == 0
    wait_until_empty(business.stack)
    assert len(business.received()) == 1, "a published call is no longer pending"
