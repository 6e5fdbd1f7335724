"""The README's code that makes a link, run on a real portal."""

import re
from collections.abc import Callable

from infra.local import environment

from .portal import Owner


def snippet(language: str) -> str:
    """Give the README's only block of a language."""
    readme = (environment.ROOT / "README.md").read_text()
    [block] = re.findall(rf"^```{language}\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    return block


def test_readme_makes_a_link_that_lets_an_owner_in(owner: Owner) -> None:
    portal = owner.portal
    made: dict[str, Callable[[str, str, str], str]] = {}
    exec(snippet("py"), made)
    link = made["link"](portal.url, portal.stack.portal_secret, owner.id)
    assert link.startswith(f"{portal.url}/?token=")
    reply = portal.send("GET", link.removeprefix(portal.url))
    assert (reply.status, reply.headers["location"]) == (303, "/")
