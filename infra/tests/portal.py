"""The owner's side, independent of the project's own code: tokens are made with an HMAC, requests by http.client.

Requests connect to the local stack's address and name the API in `Host`, since browsers resolve names below `localhost`
but not every system does.
"""

import base64
import hmac
import http.client
import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from infra.local.stack import Stack

from .business import TestBusiness
from .waits import SECONDS

HOUR = 3600
HEADER = {"alg": "HS256", "typ": "JWT"}


def encoded(data: bytes | str | object) -> str:
    """Encode a part of a token in base64url without padding: bytes, a text, or any other value as JSON."""
    raw = data if isinstance(data, bytes | str) else json.dumps(data)
    return base64.urlsafe_b64encode(raw.encode() if isinstance(raw, str) else raw).rstrip(b"=").decode()


def mint(key: str, claims: object, header: object = None, digest: str = "sha256") -> str:
    """Make a JSON Web Token: RFC 7515, compact serialisation, with an HMAC."""
    signed = f"{encoded(HEADER if header is None else header)}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.new(key.encode(), signed.encode(), digest).digest())}"


@dataclass(frozen=True)
class Reply:
    """An answer of the portal."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The headers by their names in lower case."""
        return {name.lower(): value for name, value in self.fields}

    @property
    def media_type(self) -> str:
        """The body's media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:  # noqa: ANN401 - that is what JSON is
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def cookies(self) -> list[str]:
        """The cookies that are set, with their attributes."""
        return [value for name, value in self.fields if name.lower() == "set-cookie"]

    def problem(self, status: int) -> dict[str, Any]:
        """Make sure that the answer is a problem (RFC 9457) of a status, and return the problem."""
        assert self.status == status, self.body
        assert self.media_type == "application/problem+json"
        problem = self.json
        assert problem["status"] == status
        assert problem["title"]
        return problem


class Portal:
    """The portal of a stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.outputs["PortalUrl"]
        self.host = urlsplit(self.url).netloc
        self.address = urlsplit(stack.endpoint).netloc

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str | object = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send a request. A body that is neither text nor bytes is sent as JSON."""
        fields = {"Host": self.host}
        if body is not None and not isinstance(body, bytes | str):
            body = json.dumps(body)
            fields["Content-Type"] = "application/json"
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection(self.address, timeout=SECONDS)
        try:
            raw = body.encode() if isinstance(body, str) else body
            connection.request(method, path, raw, fields | (headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def token(self, business_id: str, seconds: float = HOUR - 60, **claims: object) -> str:
        """Make the token that lets a business's owner in."""
        return mint(self.stack.portal_secret, {"sub": business_id, "exp": int(time.time() + seconds)} | claims)

    def link(self, business_id: str) -> str:
        """Make the link that opens a business's page."""
        return f"{self.url}/?token={self.token(business_id)}"

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Give method, path and description of every operation in the API's own document."""
        paths = self.document["paths"]
        methods = {"get", "put", "post", "delete", "patch"}
        found = [(method.upper(), path, operation) for path in paths for method, operation in paths[path].items()]
        return [(method, path, operation) for method, path, operation in found if method.lower() in methods]

    @cached_property
    def document(self) -> dict[str, Any]:
        """The API's OpenAPI document."""
        reply = self.send("GET", "/api/openapi.json", token=self.token("reader"))
        assert reply.status == 200
        return reply.json


class Owner:
    """An owner with a token for a business's page and API."""

    def __init__(self, business: TestBusiness, portal: Portal) -> None:
        self.business = business
        self.portal = portal
        self.id = business.id
        self.url = business.settings.url
        self.token = portal.token(self.id)
        business.confidential.add(self.token)

    def get(self, path: str) -> Reply:
        """Send a GET to the API."""
        return self.portal.send("GET", path, token=self.token)

    def put(self, path: str, body: object) -> Reply:
        """Send a PUT to the API."""
        return self.portal.send("PUT", path, body, token=self.token)

    def post(self, path: str, body: object = None) -> Reply:
        """Send a POST to the API."""
        return self.portal.send("POST", path, body, token=self.token)

    def saves(self, url: str | None, **further: object) -> Reply:
        """Save a URL."""
        return self.put("/api/settings", {"generic_webhook_url": url} | further)

    def item(self) -> dict[str, Any]:
        """Give the business's item of the settings table."""
        key = {"business_id": self.id}
        return self.portal.stack.settings.get_item(Key=key, ConsistentRead=True).get("Item", {})

    def cookie(self) -> str:
        """Exchange a link for the session's cookie, and give the cookie as a browser returns it."""
        reply = self.portal.send("GET", f"/?token={self.token}")
        assert reply.status == 303, reply.body
        [cookie] = reply.cookies
        return cookie.partition(";")[0]
