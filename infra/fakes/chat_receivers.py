"""The incoming webhooks of Slack, Discord, Google Chat and Teams: how each judges a body, and what the body does there.

Each answers with the status and text of the real one, as its maker documents them or several public reports agree.
Teams answers 202 to any JSON and fails later, where the sender cannot see the failure. So each chat also lists the
faults of a body that was taken: what would notify or mislead people, and what the chat would not show.

    Slack         https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks,
                  https://docs.slack.dev/messaging/formatting-message-text
    a workflow    https://docs.slack.dev/tools/slack-github-action/sending-data-webhook-slack-workflow
    Discord       https://discord.com/developers/docs/resources/webhook#execute-webhook
    Google Chat   https://developers.google.com/workspace/chat/quickstart/webhooks, .../format-messages
    Teams         https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format,
                  https://learn.microsoft.com/connectors/teams/

Tokens, rates and lost channels are not played: `Receiver.script` does that.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .http_server import Received
from .receiver import Answer

Fault = str


class _Refused(Exception):
    def __init__(self, status: int, body: str | dict[str, Any]) -> None:
        super().__init__(status)
        text = body if isinstance(body, str) else json.dumps(body)
        self.answer = Answer(status, text.encode())


@dataclass(frozen=True)
class Chat:
    """A kind of chat."""

    accept: Callable[[bytes], Answer]
    """The answer to a body that is taken; raises `_Refused` with any other."""
    find: Callable[[dict[str, Any]], Iterator[Fault]]

    def judge(self, request: Received) -> Answer:
        """Answer a request as the real one does."""
        try:
            return self.accept(request.body)
        except _Refused as refused:
            return refused.answer

    def faults(self, body: bytes) -> list[Fault]:
        """List what is wrong with a body although it is taken."""
        return list(self.find(json.loads(body)))


def _object(body: bytes, refusal: _Refused) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise refusal from None
    if not isinstance(value, dict):
        raise refusal
    return value


SLACK_CHARACTERS = 12_000
"""The contract's bound. Slack itself cuts a text at 40,000."""


def _slack(body: bytes) -> Answer:
    message = _object(body, _Refused(400, "invalid_payload"))
    text = message.get("text", "")
    if not isinstance(text, str):
        raise _Refused(400, "invalid_payload")
    if not text:
        raise _Refused(400, "no_text")
    if len(text) > 40_000:
        raise _Refused(400, "msg_too_long")
    return Answer(200, b"ok", {"Content-Type": "text/html"})


def _faults_in_slack(message: dict[str, Any]) -> Iterator[Fault]:
    if message.keys() != {"text"}:
        yield f"members {list(message)}"
    # Everything between < and > acts: mentions of people, channels and groups, dates, links under another text.
    yield from (f"raw {found!r}" for found in re.findall(r"[<>]|&(?!amp;|lt;|gt;)", message["text"]))
    if len(message["text"]) > SLACK_CHARACTERS:
        yield "too long"


def _workflow(body: bytes) -> Answer:
    variables = _object(body, _Refused(400, {"ok": False, "error": "invalid_payload"}))
    if not all(isinstance(value, str) for value in variables.values()):
        raise _Refused(400, {"ok": False, "error": "invalid_trigger_inputs"})
    return Answer(200, b'{"ok":true}')


def _no_faults(_message: dict[str, Any]) -> Iterator[Fault]:
    yield from ()


DISCORD_CHARACTERS = 2_000


def _discord(body: bytes) -> Answer:
    message = _object(body, _Refused(400, {"message": "The request body contains invalid JSON.", "code": 50109}))
    content = message.get("content", "")
    if not isinstance(content, str):
        raise _Refused(400, {"message": "Invalid Form Body", "code": 50035})
    if not content.strip():
        raise _Refused(400, {"message": "Cannot send an empty message", "code": 50006})
    if len(content) > DISCORD_CHARACTERS:
        error = {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}
        errors = {"content": {"_errors": [error]}}
        raise _Refused(400, {"message": "Invalid Form Body", "code": 50035, "errors": errors})
    return Answer(204)


_ESCAPED = re.compile(r"\\(?:[^\w\s]|_)")


def _faults_in_discord(message: dict[str, Any]) -> Iterator[Fault]:
    if message.keys() != {"content", "allowed_mentions"}:
        yield f"members {list(message)}"
    if message.get("allowed_mentions") != {"parse": []}:
        yield "mentions are allowed"
    yield from _raw_markdown(message["content"], r"[*_~|`<>\[\]]|@everyone|@here|://")


def _raw_markdown(text: str, inline: str) -> Iterator[Fault]:
    for line in text.split("\n"):
        # What a backslash stands before means nothing but itself.
        bare = _ESCAPED.sub("", line)
        yield from (f"raw {found!r}" for found in re.findall(inline, bare))
        if not line.startswith("\\") and re.match(r"#{1,3} |-# |[-+] |\d+[.)] |>", line):
            yield f"a block begins with {line[:3]!r}"


GOOGLE_CHAT_BYTES = 32_000
GOOGLE_CHAT_CHARACTERS = 4_000
"""The contract's bound."""


def _google_chat(body: bytes) -> Answer:
    def refused(detail: str) -> _Refused:
        return _Refused(400, {"error": {"code": 400, "message": detail, "status": "INVALID_ARGUMENT"}})

    message = _object(body, refused("Invalid JSON payload received. Unexpected token."))
    for name in message.keys() - {"text"}:
        raise refused(f"Invalid JSON payload received. Unknown name \"{name}\" at 'message': Cannot find field.")
    if not isinstance(message.get("text"), str) or not message["text"].strip():
        raise refused("Message cannot be empty. Discarding empty create message request.")
    if len(message["text"].encode()) > GOOGLE_CHAT_BYTES:
        raise refused("Message is too long.")
    return Answer(200, json.dumps({"name": "spaces/A/messages/B", "text": message["text"]}).encode())


def _faults_in_google_chat(message: dict[str, Any]) -> Iterator[Fault]:
    text = message["text"]
    if len(text) > GOOGLE_CHAT_CHARACTERS:
        yield "too long"
    # There is no escape: a zero-width space behind the character takes its meaning.
    yield from (f"raw {found!r}" for found in re.findall(r"[*_~`<](?!\u200b)|\]\((?!\u200b)", text))
    yield from (f"a list begins with {found!r}" for found in re.findall(r"^[-*] ", text, re.MULTILINE))


TEAMS_BYTES = 24 * 1024
"""The contract's bound. Teams itself refuses about 28 KB."""

_CARD = "application/vnd.microsoft.card.adaptive"


def _teams(body: bytes) -> Answer:
    try:
        json.loads(body)
    except ValueError:
        raise _Refused(400, {"error": {"code": "InvalidRequestContent"}}) from None
    return Answer(202)


def _faults_in_teams(message: dict[str, Any]) -> Iterator[Fault]:
    if len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()) >= TEAMS_BYTES:
        yield "too large"
    attachments = message.get("attachments")
    if message.get("type") != "message" or not isinstance(attachments, list) or not attachments:
        yield "nothing is posted: 'attachments' must be a valid array"
        return
    for attachment in attachments:
        card = attachment.get("content", {})
        if attachment.get("contentType") != _CARD or card.get("type") != "AdaptiveCard" or card.get("version") != "1.4":
            yield "no Adaptive Card 1.4"
        if "msteams" in card:
            yield "mentions are possible"
        for block in card.get("body", []):
            yield from _faults_in_block(block)


def _faults_in_block(block: dict[str, Any]) -> Iterator[Fault]:
    if block.get("type") != "TextBlock" or block.get("wrap") is not True or not block.get("text"):
        yield f"a block is {block}"
        return
    # A single line end is a space there.
    if re.search(r"(?<!\n)\n(?!\n)", block["text"]):
        yield "lines run together"
    yield from _raw_markdown(block["text"], r"[*_~`<>\[\]{}]|://")


CHATS = {
    "slack": Chat(_slack, _faults_in_slack),
    "discord": Chat(_discord, _faults_in_discord),
    "google_chat": Chat(_google_chat, _faults_in_google_chat),
    "teams": Chat(_teams, _faults_in_teams),
}
"""The chats, by the format that each of them takes."""

SLACK_WORKFLOW = Chat(_workflow, _no_faults)
"""The webhook of a Slack workflow, which takes the format `flat`."""
