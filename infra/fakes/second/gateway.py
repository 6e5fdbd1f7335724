"""An HTTP API in front of a function: each request becomes an event of payload format 2.0, each answer a response.

Source: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
"""

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from infra.local.ministack import HOST

from .runtime import Failed, Function

_BROKEN = {
    "statusCode": 500,
    "headers": {"content-type": "application/json"},
    "body": '{"message":"Internal Server Error"}',
}


@contextmanager
def running_gateway(functions: list[Function]) -> Iterator[str]:
    """Serve the function that the list will hold for as long as the block lasts, and give the URL.

    A list, since the function's own environment may say where the API is.
    """

    class Bound(_Handler):
        of = functions

    server = ThreadingHTTPServer((HOST, 0), Bound)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    of: list[Function]

    def _handle(self) -> None:
        try:
            answer = self.of[0].invoke(self._event())
        except Failed:
            answer = _BROKEN
        self._answer(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _handle  # noqa: N815

    def _event(self) -> dict[str, Any]:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known},{value}"
        cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
        host = headers.get("host", "")
        http = {"method": self.command, "path": path, "protocol": "HTTP/1.1", "sourceIp": HOST, "userAgent": "-"}
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
                "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
                "timeEpoch": int(time.time() * 1000),
            },
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }

    def _answer(self, answer: dict[str, Any]) -> None:
        text = answer.get("body") or ""
        body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        fields = {name: [value] for name, value in (answer.get("headers") or {}).items()}
        fields |= answer.get("multiValueHeaders") or {}
        self.send_response(answer["statusCode"])
        for name, values in fields.items():
            if name.lower() != "content-length":
                for value in values:
                    self.send_header(name, value)
        for cookie in answer.get("cookies") or []:
            self.send_header("set-cookie", cookie)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Write nothing: paths carry tokens."""
