"""An HTTP API in front of a function: each request becomes an event of payload format 2.0, each answer a response.

Source: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

import asyncio
import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from infra.fakes.http_server import Received, head, running_http_server
from infra.fakes.runtime_api import Failed
from infra.local.ministack import HOST

from .runtime import Function

_BROKEN = {
    "statusCode": 500,
    "headers": {"content-type": "application/json"},
    "body": '{"message":"Internal Server Error"}',
}


@contextmanager
def running_gateway(functions: list[Function]) -> Iterator[str]:
    """Serve the one function that the list will hold for as long as the block lasts, and give the URL.

    The function is made after the gateway, since the function's environment may name the gateway's URL.
    """

    async def handle(request: Received) -> bytes:
        try:
            answer = await asyncio.to_thread(functions[0].invoke, _event(request))
        except Failed:
            answer = _BROKEN
        return _response(answer, with_body=request.method != "HEAD")

    with running_http_server(handle) as url:
        yield url


def _event(request: Received) -> dict[str, Any]:
    path, _, query = request.path.partition("?")
    headers: dict[str, str] = {}
    for name, value in request.fields:
        earlier = headers.get(name.lower())
        headers[name.lower()] = value if earlier is None else f"{earlier},{value}"
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    host = headers.get("host", "")
    http = {"method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": HOST, "userAgent": "-"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "cookies": cookies,
        "headers": headers,
        "queryStringParameters": dict(parse_qsl(query, keep_blank_values=True)),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "second",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": http,
            "requestId": uuid4().hex,
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(request.at)),
            "timeEpoch": int(request.at * 1000),
        },
        "body": base64.b64encode(request.body).decode(),
        "isBase64Encoded": True,
    }


def _response(answer: dict[str, Any], *, with_body: bool) -> bytes:
    text = answer.get("body") or ""
    body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    values = {name: [value] for name, value in (answer.get("headers") or {}).items()}
    values |= answer.get("multiValueHeaders") or {}
    fields = [(name, value) for name in values if name.lower() != "content-length" for value in values[name]]
    fields += [("set-cookie", cookie) for cookie in answer.get("cookies") or []]
    return head(answer["statusCode"], fields, len(body)) + (body if with_body else b"")
