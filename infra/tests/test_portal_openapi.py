"""The OpenAPI document: valid, complete, and true of the running API, which a property-based fuzzer checks.

The fuzzer makes requests that fit the document and requests that do not, and judges the answers' status, headers and
bodies by the document. The fuzzer acts for a business of its own, which has a delivery.
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

# In the run of the pages, which is shorter than that of the API.
pytestmark = [pytest.mark.portal, pytest.mark.page]

EXAMPLES = 40
"""The random requests of each operation, in addition to those that try each bound of the document."""

# A request that fits the document may still be refused: for a URL that no webhook can have (422, field by field), for a
# cursor that no list has given or a range that ends before it begins (400), or for too many tests (429). The API's
# name is sent in the header `Host`, since not every system resolves it.
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

[[operations]]
include-name = "GET /api/deliveries.csv"

[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "400"]
"""

ROUTES = {
    ("GET", "/api/settings"),
    ("PUT", "/api/settings"),
    ("POST", "/api/test"),
    ("POST", "/api/preview"),
    ("GET", "/api/signing-secret"),
    ("POST", "/api/signing-secret/rotate"),
    ("GET", "/api/deliveries"),
    ("GET", "/api/deliveries.csv"),
    ("GET", "/api/summary"),
    ("GET", "/api/deliveries/{event_id}"),
    ("POST", "/api/deliveries/{event_id}/resend"),
    ("POST", "/api/deliveries/resend"),
    ("POST", "/api/pause"),
    ("POST", "/api/resume"),
}


def test_document_is_valid_and_has_every_route(portal: Portal) -> None:
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


def test_no_route_takes_a_business_id(portal: Portal) -> None:
    assert "business_id" not in str(portal.document)


def test_document_is_the_same_for_everybody(owner: Owner, stranger: Owner) -> None:
    assert owner.get("/api/openapi.json").body == stranger.get("/api/openapi.json").body


def test_running_api_agrees_with_the_document(owner: Owner, tmp_path: Path) -> None:
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
    # Every run makes the same requests, unless a variable gives another seed. A finding is printed with a command that
    # repeats it.
    argv += [f"--seed={os.environ.get('SCHEMATHESIS_SEED', '1')}"]
    env = environment.minimal() | {"NO_PROXY": "*"}
    ended = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    generated = re.search(r"(\d+) generated", ended.stdout)
    assert generated, ended.stdout
    assert int(generated[1]) > len(ROUTES) * EXAMPLES / 2, "the fuzzer has reached the business"
