"""Google Apps Script's side of a web app: runs a real script for each POST, and answers as Google does.

A script runs under Node.js in a process of its own. So two requests at once are two executions, as at Google, which
share only the spreadsheet and the lock. `google.js` stands in for Google's objects. The spreadsheet is a file.

Google answers with a status that the script cannot choose. Its pages are as public reports quote them:

    a text            302 to script.googleusercontent.com/macros/echo
    a page            200 with the page of HtmlService
    an error, nothing 200 with Google's page of an error, also if the script has no doPost
    not authorised    200 with a page that asks for authorisation
    not for everyone  302 to accounts.google.com
    no such address   404

https://github.com/tanaikech/taking-advantage-of-Web-Apps-with-google-apps-script (error messages, status codes),
https://developers.google.com/apps-script/guides/web (the event object, who has access). Quotas are not played.
"""

import asyncio
import html
import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.fakes.http_server import Received, Reply, response, running_http_server
from infra.local import environment
from infra.local.processes import Failure

ECHO = "https://script.googleusercontent.com/macros/echo"
_HERE = Path(__file__).parent
_EXECUTION_SECONDS = 60
_HTML = {"Content-Type": "text/html; charset=utf-8"}

Row = list[Any]
"""A text, a number, or an object for what is neither: `{"formula": ...}`, `{"date": ...}`."""


class Access(Enum):
    """Who has access to a web app."""

    ANYONE = auto()
    ANYONE_WITH_GOOGLE_ACCOUNT = auto()


def page(name: str, **values: str) -> bytes:
    """Give one of Google's pages."""
    return Template((_HERE / f"{name}.html").read_text()).safe_substitute(values).encode()


@dataclass
class Deployment:
    """A script as a web app, with its spreadsheet."""

    url: str
    folder: Path
    access: Access = Access.ANYONE
    is_authorised: bool = True
    requests: list[Received] = field(default_factory=list)
    cells_read: list[int] = field(default_factory=list)
    """How many cells each execution has read into the script."""

    def save(self, script: str) -> None:
        """Publish a version of the script."""
        (self.folder / "Code.gs").write_text(script)

    def fill(self, sheet: str, rows: list[Row]) -> None:
        """Write a spreadsheet of one sheet."""
        kept = {"rows": rows, "maxRows": max(1000, len(rows))}
        (self.folder / "spreadsheet.json").write_text(json.dumps({"sheets": {sheet: kept}}))

    def rows(self, sheet: str) -> list[Row]:
        """Give the rows of a sheet, without the titles."""
        path = self.folder / "spreadsheet.json"
        sheets = json.loads(path.read_text())["sheets"] if path.exists() else {}
        return sheets.get(sheet, {"rows": []})["rows"][1:]

    def answer(self, request: Received) -> bytes:
        """Answer a request as Google does."""
        self.requests.append(request)
        if self.access is not Access.ANYONE:
            return _redirect(f"https://accounts.google.com/ServiceLogin?continue={self.url}")
        if not self.is_authorised:
            return response(200, page("authorization", title="Authorization needed"), _HTML.items())
        if request.method != "POST":
            return _error("Script function not found: doGet")
        outcome = self._execute(request)
        match outcome["kind"]:
            case "text":
                return _redirect(f"{ECHO}?user_content_key={secrets.token_urlsafe(16)}&lib={secrets.token_urlsafe(8)}")
            case "page":
                return response(200, page("html_service", title=html.escape(outcome["title"])), _HTML.items())
            case _:
                return _error(outcome["message"])

    def _execute(self, request: Received) -> dict[str, Any]:
        event = {
            "queryString": urlsplit(request.path).query,
            "parameter": dict(reversed(parse_qsl(urlsplit(request.path).query))),
            "type": request.headers.get("content-type", ""),
            "contents": request.body.decode(),
        }
        ended = subprocess.run(
            [environment.NODE, _HERE / "google.js", self.folder],
            input=json.dumps(event).encode(),
            capture_output=True,
            timeout=_EXECUTION_SECONDS,
            check=False,
        )
        if ended.returncode:
            raise Failure(f"the stand-in for Google failed: {ended.stderr.decode()}")
        outcome = json.loads(ended.stdout)
        self.cells_read.append(outcome["cellsRead"])
        return outcome


def _redirect(location: str) -> bytes:
    body = f'<HTML><HEAD><TITLE>Moved Temporarily</TITLE></HEAD><BODY>The document has moved <A HREF="{location}">'
    return response(302, body.encode(), [("Location", location), *_HTML.items()])


def _error(message: str) -> bytes:
    return response(200, page("error", title="Error", message=html.escape(message)), _HTML.items())


class AppsScript:
    """Deployments by their addresses."""

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self._folder = folder
        self._deployments: dict[str, Deployment] = {}

    def deploy(self, script: str, access: Access = Access.ANYONE, *, is_authorised: bool = True) -> Deployment:
        """Publish a script at a new address, with an empty spreadsheet."""
        name = secrets.token_hex(8)
        folder = self._folder / name
        folder.mkdir()
        path = f"/macros/s/{name}/exec"
        deployment = self._deployments[path] = Deployment(self.url + path, folder, access, is_authorised)
        deployment.save(script)
        return deployment

    async def handle(self, request: Received) -> Reply:
        """Answer one request. Executions run beside each other."""
        deployment = self._deployments.get(urlsplit(request.path).path)
        if deployment is None:
            return response(404, b"<!DOCTYPE html><title>Page Not Found</title>", _HTML.items())
        return await asyncio.to_thread(deployment.answer, request)


@contextmanager
def running_apps_script(folder: Path) -> Iterator[AppsScript]:
    """Serve deployments for as long as the block lasts. Their files are in an existing folder."""
    apps_script = AppsScript(folder)
    with running_http_server(apps_script.handle) as url:
        apps_script.url = url
        yield apps_script
