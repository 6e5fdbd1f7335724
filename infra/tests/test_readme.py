"""The README's code: that which makes a link, run on a real portal, and that which is cut from the CDK example."""

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


def test_readme_has_the_cdk_example() -> None:
    # `make check` compiles the example, and `test_cdk` runs it.
    example = (environment.ROOT / "infra" / "cdk" / "example" / "app.mts").read_text()
    assert example.endswith("\n\n" + snippet("ts"))
