"""The OpenAPI document: valid, complete, and true of the running API, which a property-based fuzzer checks.

The fuzzer makes requests that fit the document and ones that do not, and judges status, headers and bodies of the
answers by it. It acts for a business of its own, with a delivery to be found.
"""

from collections.abc import Iterator
from copy import deepcopy
from uuid import uuid4

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from openapi_spec_validator import validate
from schemathesis.config import SchemathesisConfig

from infra.local.receiver import Receiver
from infra.local.stack import Stack

from .portal import Owner, Portal
from .test_portal_sending import event_ids
from .world import Confidential, Merchant

EXAMPLES = 40
"""How many requests of each operation; a seed of the clock, so that every run tries others."""

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

CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            # A URL that fits the document may still be one that no webhook can have: 422 says so, field by field.
            "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]},
        },
    }
)


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


class _Here(requests.adapters.HTTPAdapter):
    """Sends what is for the API's name to the local stack's address."""

    def __init__(self, portal: Portal) -> None:
        self._from, self._to = f"http://{portal.host}", f"http://{portal.address}"
        self._host = portal.host
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: object, **options: object) -> requests.Response:
        assert request.url
        request.url = request.url.replace(self._from, self._to, 1)
        request.headers["Host"] = self._host
        return super().send(request, *args, **options)


@pytest.fixture(scope="module")
def fuzzed(stack: Stack, portal: Portal, receiver: Receiver, confidential: Confidential) -> Owner:
    """Give a business with a URL, a secret and two deliveries, for the fuzzer to do with what it likes."""
    owner = Owner(Merchant(f"b-{uuid4().hex[:12]}", stack, receiver, confidential), portal)
    owner.saves(owner.url)
    event_ids(owner.merchant, 2, "delivered")
    return owner


@pytest.fixture(scope="module")
def session(portal: Portal) -> Iterator[requests.Session]:
    """Give what the fuzzer sends with: no proxies, and the API's name needs no resolver."""
    with requests.Session() as running:
        running.trust_env = False
        running.mount("http://", _Here(portal))
        yield running


@pytest.fixture(scope="module")
def schema(portal: Portal, fuzzed: Owner) -> schemathesis.schemas.BaseSchema:
    """Give the document as the fuzzer reads it, with a delivery that there is as an example."""
    document = deepcopy(portal.document)
    [known, *_] = fuzzed.get("/api/deliveries").json["deliveries"]
    for path, operations in document["paths"].items():
        if "{event_id}" in path:
            for operation in operations.values():
                operation["parameters"][0]["examples"] = {"known": {"value": known["event_id"]}}
    loaded = schemathesis.openapi.from_dict(document, config=CONFIG)
    loaded.config.update(base_url=portal.url)
    return loaded


schemas = schemathesis.pytest.from_fixture("schema")


@schemas.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_running_api_is_as_described(case: schemathesis.Case, fuzzed: Owner, session: requests.Session) -> None:
    response = case.call_and_validate(session=session, headers={"Authorization": f"Bearer {fuzzed.token}"})
    assert response.status_code < 500
