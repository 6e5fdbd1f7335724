"""The samples that verify a request, in each language, run on requests that `deliver` sends."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from infra.fakes.receiver import Received
from infra.local import environment
from infra.local.building import build_receivers_sample
from infra.local.business import new_signing_secret

from .conftest import Businesses
from .waits import SECONDS

SAMPLES = environment.ROOT / "events" / "receivers" / "verify"
RUNNERS = Path(__file__).parent / "verification"
MODULES = environment.LOCAL / "verification" / "node_modules"
"""The official library for Node.js."""

Case = dict[str, Any]


def cases_of(request: Received, secret: str) -> dict[str, tuple[Case, bool]]:
    """Give a request unchanged and changed in each way, and whether a receiver has to take it."""
    headers, body = request.headers, request.body.decode()
    right = {"secret": secret, "headers": headers, "body": body}

    def signed_at(age: timedelta) -> Case:
        at = datetime.now(timezone.utc) - age
        signature = Webhook(secret).sign(headers["webhook-id"], at, body)
        stamp = {"webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
        return right | {"headers": headers | stamp}

    def with_header(name: str, value: str) -> Case:
        return right | {"headers": headers | {name: value}}

    given = headers["webhook-signature"]
    signature = given.split(" ")[0]
    return {
        "as it was sent": (right, True),
        "of another version as well": (
            with_header("webhook-signature", f"v2,eA== {headers['webhook-signature']}"),
            True,
        ),
        "signed four minutes ago": (signed_at(timedelta(minutes=4)), True),
        "signed six minutes ago": (signed_at(timedelta(minutes=6)), False),
        "signed for six minutes later": (signed_at(timedelta(minutes=-6)), False),
        "with another body": (right | {"body": body.replace("inbound", "outbound")}, False),
        "with a space behind the body": (right | {"body": body + " "}, False),
        "with another id": (with_header("webhook-id", "evt_" + "0" * 32), False),
        "with another time": (with_header("webhook-timestamp", str(int(time.time()) + 1)), False),
        "with a time that is no number": (with_header("webhook-timestamp", "now"), False),
        "with another secret": (right | {"secret": new_signing_secret()}, False),
        "with an empty signature": (with_header("webhook-signature", ""), False),
        "with a cut signature": (with_header("webhook-signature", signature[:-1]), False),
        "with another version alone": (with_header("webhook-signature", signature.replace("v1", "v2")), False),
        "without a signature": (without(right, "webhook-signature"), False),
        "without a time": (without(right, "webhook-timestamp"), False),
        "without an id": (without(right, "webhook-id"), False),
    }


def without(case: Case, header: str) -> Case:
    return case | {"headers": {name: value for name, value in case["headers"].items() if name != header}}


def verdicts(argv: Sequence[str | Path], cases: Sequence[Case]) -> list[bool]:
    """Run a sample on requests, and give what it says of each."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    ended = subprocess.run(argv, input=lines, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert ended.returncode == 0, ended.stderr
    return [{"true": True, "false": False}[line] for line in ended.stdout.splitlines()]


def commands(folder: Path) -> dict[str, Sequence[str | Path]]:
    """Give the command that runs each sample."""
    for sample in SAMPLES.iterdir():
        shutil.copy(sample, folder)
    (folder / "node_modules").symlink_to(MODULES)
    node = [environment.NODE, RUNNERS / "node.mjs"]
    php = shutil.which("php")
    assert php, "PHP is missing: infra/local/php.sh installs it"
    return {
        "node.mjs": [*node, folder / "node.mjs"],
        "node_without_library.cjs": [*node, folder / "node_without_library.cjs"],
        "python.py": [sys.executable, RUNNERS / "python.py", folder / "python.py"],
        "python_without_library.py": [sys.executable, RUNNERS / "python.py", folder / "python_without_library.py"],
        "php.php": [php, RUNNERS / "php.php", folder / "php.php"],
        "rust.rs": [build_receivers_sample()],
    }


def test_each_sample_takes_real_requests_and_refuses_changed_ones(business_for: Businesses, tmp_path: Path) -> None:
    businesses = business_for(("settled", "rotating"))
    settled, rotating = businesses["settled"], businesses["rotating"]
    previous = new_signing_secret()
    rotating.confidential.add(previous)
    until_later = int(time.time()) + 3600
    settled.answers(200)
    rotating.answers(200, previous_signing_secret=previous, previous_signing_secret_expires_at=until_later)
    cases: dict[str, tuple[Case, bool]] = {}
    for name, business in businesses.items():
        business.publish()
        [request] = business.receives()
        secrets = {"current": business.settings.signing_secret}
        if business is rotating:
            assert len(request.headers["webhook-signature"].split(" ")) == 2
            secrets |= {"previous": previous}
        for which, secret in secrets.items():
            cases |= {f"{name}, {which}: {case}": known for case, known in cases_of(request, secret).items()}
    runs = commands(tmp_path)
    assert set(runs) == {sample.name for sample in SAMPLES.iterdir()}
    given = [case for case, _ in cases.values()]
    for sample, argv in runs.items():
        said = dict(zip(cases, verdicts(argv, given), strict=True))
        assert said == {case: is_right for case, (_, is_right) in cases.items()}, sample


@pytest.mark.parametrize(("language", "sample"), [("js", "node_without_library.cjs"), ("python", "python.py")])
def test_readme_has_the_samples_as_they_are(language: str, sample: str) -> None:
    readme = (environment.ROOT / "README.md").read_text()
    blocks = re.findall(rf"^```{language}\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    text = (SAMPLES / sample).read_text()
    assert [block for block in blocks if block in text] == blocks


def test_each_sample_has_about_ten_lines() -> None:
    assert max(len(sample.read_text().splitlines()) for sample in SAMPLES.iterdir()) <= 16
