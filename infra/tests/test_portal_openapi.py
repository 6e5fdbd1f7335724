"""The OpenAPI document: valid, complete, and true of the running API, which a property-based fuzzer checks.

The fuzzer makes requests that fit the document and ones that do not, and judges status, headers and bodies of the
answers by it. The fuzzer acts for a business of its own, with a delivery to be found.
"""

import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from infra.local import environment

from .portal import Owner, Portal
from .test_portal_sending import event_ids

pytestmark = pytest.mark.portal

EXAMPLES = 40
"""How many requests of each operation are made up at random, besides those that try each bound of the document."""

# What fits the document may still be what cannot be: a URL that no webhook can have (422 says so, field by field), or a
# cursor that no list has given (400). Tests are bounded (429). The API's name is said in a header, as not every system
# resolves it.
CONFIGURATION = """
headers = {{ Host = "{portal.host}", Authorization = "Bearer {owner.token}" }}

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422"]

[[operations]]
include-name = "POST /api/test"

[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "409", "429"]

[[operations]]
include-name = "GET /api/deliveries"

[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400"]
"""

ROUTES = {
    ("GET", "/api/settings"),
    ("PUT", "/api/settings"),
    ("POST", "/api/test"),
    ("GET", "/api/signing-secret"),
    ("POST", "/api/signing-secret/rotate"),
    ("GET", "/api/deliveries"),
    ("GET", "/api/deliveries/{event_id}"),
    ("POST", "/api/deliveries/{event_id}/resend"),
    ("POST", "/api/deliveries/resend"),
    ("POST", "/api/pause"),
    ("POST", "/api/resume"),
}


def test_the_document_is_valid_and_has_every_route(portal: Portal) -> None:
    document = portal.document
    validate(document)
    assert document["openapi"].startswith("3.")
    operations = portal.operations()
    assert {(method, path) for method, path, _ in operations} >= ROUTES
    assert all(path.startswith("/api/") for _, path, _ in operations)
    for method, path, operation in operations:
        security = operation.get("security", document.get("security"))
        assert security or path == "/api/openapi.json", (method, path)
        assert operation["operationId"]


def test_no_route_takes_a_business(portal: Portal) -> None:
    assert "business_id" not in str(portal.document)


def test_the_document_is_the_same_for_everybody(owner: Owner, stranger: Owner) -> None:
    assert owner.get("/api/openapi.json").body == stranger.get("/api/openapi.json").body


def test_the_running_api_is_as_described(owner: Owner, tmp_path: Path) -> None:
    owner.saves(owner.url)
    [known] = event_ids(owner.business, 1, "delivered")
    document = deepcopy(owner.portal.document)
    for path, operations in document["paths"].items():
        for operation in operations.values() if "{event_id}" in path else ():
            operation["parameters"][0]["examples"] = {"known": {"value": known}}
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION.format(owner=owner, portal=owner.portal))
    argv = [sys.executable, "-m", "schemathesis.cli", "--config-file=schemathesis.toml", "run", "openapi.json"]
    argv += [f"--url=http://{owner.portal.address}", "--checks=all", "--continue-on-failure", "--no-color"]
    argv += [f"--max-examples={EXAMPLES}", "--suppress-health-check=all", "--request-timeout=45"]
    # The same requests in every run, unless asked for others; what it finds, it prints with a command to repeat it.
    argv += [f"--seed={os.environ.get('SCHEMATHESIS_SEED', '1')}"]
    env = environment.minimal() | {"NO_PROXY": "*"}
    ended = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    generated = re.search(r"(\d+) generated", ended.stdout)
    assert generated, ended.stdout
    assert int(generated[1]) > len(ROUTES) * EXAMPLES / 2, "it was not spared"
