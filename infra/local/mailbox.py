"""The mails that the local SES has taken, as MiniStack keeps them. Nothing leaves the machine."""

import json
import urllib.request
from dataclasses import dataclass

from . import environment
from .stack import Stack

SECONDS = 10


@dataclass(frozen=True)
class Mail:
    """A mail that the local SES has taken."""

    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str


def verify(stack: Stack, address: str) -> None:
    """Let the local SES know an address, or a domain, as one that mails may be sent from."""
    stack.client("sesv2").create_email_identity(EmailIdentity=address)


def mails(stack: Stack) -> list[Mail]:
    """Give all mails so far, in the order in which they were taken."""
    # Without the environment's proxies, which do not lead to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"{stack.endpoint}/_ministack/ses/messages?account={environment.ACCOUNT}"
    with opener.open(url, timeout=SECONDS) as answer:
        taken = json.load(answer)["messages"].get(environment.ACCOUNT, [])
    return [
        Mail(mail["Source"], tuple(mail["To"]), mail["Subject"], mail["BodyText"], mail["BodyHtml"] or "")
        for mail in taken
    ]
