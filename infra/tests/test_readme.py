"""The README's code that verifies a request and makes a link, run on a real request and a real portal."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local import environment
from infra.local.business import new_signing_secret

from .business import TestBusiness
from .portal import Owner
from .waits import SECONDS

JAVASCRIPT = """
const fs = require('node:fs');
const { secret, headers, body } = JSON.parse(fs.readFileSync(0, 'utf8'));
const parsed = JSON.parse(body);
if (JSON.stringify(parsed) !== body) throw new Error('the body is not what JavaScript would write');
console.log(verify(secret, headers, body) === true);
"""
PYTHON = """
import json, sys
from standardwebhooks.webhooks import WebhookVerificationError

given = json.load(sys.stdin)
try:
    print(str(verify(given["secret"], given["headers"], given["body"]) == json.loads(given["body"])).lower())
except WebhookVerificationError:
    print("false")
"""


def snippet(language: str) -> str:
    """Give the README's only block of a language."""
    readme = (environment.ROOT / "README.md").read_text()
    [block] = re.findall(rf"^```{language}\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    return block


def verdict(interpreter: Path, script: Path, given: dict[str, object]) -> str:
    """Give a script a secret, headers and a body, and return its verdict."""
    ended = subprocess.run(
        [interpreter, script], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=SECONDS
    )
    return ended.stdout.strip()


@pytest.mark.parametrize(
    ("language", "further", "interpreter"),
    [("js", JAVASCRIPT, environment.NODE), ("python", PYTHON, Path(sys.executable))],
)
def test_readme_verifies_a_real_request_and_refuses_a_forged_one(
    business: TestBusiness, tmp_path: Path, language: str, further: str, interpreter: Path
) -> None:
    business.answers(200)
    business.publish()
    [request] = business.receives()
    script = tmp_path / "verify"
    script.write_text(snippet(language) + further)
    body = request.body.decode()
    given = {"secret": business.settings.signing_secret, "headers": request.headers, "body": body}
    assert verdict(interpreter, script, given) == "true"
    assert verdict(interpreter, script, given | {"body": body.replace("inbound", "outbound")}) == "false"
    assert verdict(interpreter, script, given | {"secret": new_signing_secret()}) == "false"
    late = request.headers | {"webhook-timestamp": "1762155755"}
    assert verdict(interpreter, script, given | {"headers": late}) == "false"


def test_readme_makes_a_link_that_lets_an_owner_in(owner: Owner) -> None:
    portal = owner.portal
    made: dict[str, Callable[[str, str, str], str]] = {}
    exec(snippet("py"), made)
    link = made["link"](portal.url, portal.stack.portal_secret, owner.id)
    assert link.startswith(f"{portal.url}/?token=")
    reply = portal.send("GET", link.removeprefix(portal.url))
    assert (reply.status, reply.headers["location"]) == (303, "/")
