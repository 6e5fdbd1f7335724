"""A business in the settings table, as the dashboard's backend would write it.

This module knows only the public attributes of the table's contract.
"""

import base64
import secrets
import string
from dataclasses import dataclass, replace

from .stack import Stack

_SECRET_CHARACTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Business:
    """One business: its id, its endpoint's URL, the secret of its signatures, and its owner's address."""

    id: str
    url: str
    signing_secret: str
    notify_email: str | None = None
    """The owner's address for mails. None: the owner gets no mails."""

    def at(self, url: str) -> "Business":
        """Give the same business with another URL."""
        return replace(self, url=url)

    def save(self, stack: Stack, **further: object) -> None:
        """Write the settings item, with `further` attributes, in place of an earlier one."""
        item = {"business_id": self.id, "generic_webhook_url": self.url, "signing_secret": self.signing_secret}
        address = {"notify_email": self.notify_email} if self.notify_email else {}
        stack.settings.put_item(Item=item | address | further)


def new_signing_secret() -> str:
    """Make a secret whose decoded bytes are text, so that n8n's Crypto node can use it too."""
    text = "".join(secrets.choice(_SECRET_CHARACTERS) for _ in range(32))
    return "whsec_" + base64.b64encode(text.encode()).decode()


def secret_text(secret: str) -> str:
    """Give the text that a secret of `new_signing_secret` stands for, as the owner's page shows it for n8n."""
    return base64.b64decode(secret.removeprefix("whsec_")).decode()
