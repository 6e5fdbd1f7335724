"""The page in a frame: the dashboard's frame shows the page, another site's does not.

The tests have a stack of their own, whose parameter DashboardOrigin names the dashboard.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from infra.fakes.receiver import Answer, Receiver
from infra.local.building import build
from infra.local.stack import Stack, running_stack

from .browsing import Visit
from .business import TestBusiness
from .conftest import LOGS
from .logs import Confidential
from .portal import Owner, Portal
from .test_portal_session import attributes, directives

pytestmark = pytest.mark.own_stack


def site(receiver: Receiver, name: str) -> str:
    """Give the origin of another site on this machine, since browsers resolve every name below `localhost`."""
    return f"http://{name}.localhost:{urlsplit(receiver.url).port}"


@pytest.fixture(scope="module")
def framed(receiver: Receiver) -> Iterator[Stack]:
    """Give a stack whose page a dashboard shows in a frame."""
    build()
    with running_stack({"DashboardOrigin": site(receiver, "dashboard")}, logs=LOGS / "framed") as deployed:
        yield deployed


@pytest.fixture
def owner(framed: Stack, receiver: Receiver, confidential: Confidential) -> Owner:
    """Give an owner of that stack."""
    return Owner(TestBusiness("b-framed", framed, receiver, confidential), Portal(framed))


def frames(visit: Visit, owner: Owner, name: str) -> None:
    """Open a page of another site that has the owner's link in a frame."""
    html = (
        f'<!doctype html><title>.</title><iframe src="{owner.portal.link(owner.id)}" width="900" height="800"></iframe>'
    )
    path = f"/frames/{name}"
    owner.business.receiver.script(path, Answer(200, html.encode(), {"Content-Type": "text/html; charset=utf-8"}))
    visit.page.goto(site(owner.business.receiver, name) + path)


def test_cookie_is_partitioned_and_only_the_dashboard_may_frame_the_page(owner: Owner, receiver: Receiver) -> None:
    reply = owner.portal.send("GET", f"/?token={owner.token}")
    [cookie] = reply.cookies
    flags = attributes(cookie)
    assert {"httponly", "secure", "partitioned"} <= flags.keys()
    assert (flags["path"], flags["samesite"]) == ("/", "None")
    page = owner.portal.send("GET", "/", headers={"Cookie": cookie.partition(";")[0]})
    for answer in (reply, page, owner.portal.send("GET", "/"), owner.get("/api/settings")):
        assert directives(answer)["frame-ancestors"] == [site(receiver, "dashboard")]
        assert "x-frame-options" not in answer.headers


def test_page_works_in_the_dashboards_frame(owner: Owner, visit: Callable[..., Visit]) -> None:
    visiting = visit(hosts=3)
    frames(visiting, owner, "dashboard")
    inside = visiting.page.frame_locator("iframe")
    inside.locator("#generic_webhook_url").fill(owner.url)
    inside.locator('form[action="/settings"] button.primary').click()
    inside.locator("#notice").wait_for()
    assert owner.item()["generic_webhook_url"] == owner.url
    inside.locator('#test form[action^="/test"] button:not([formaction])').click()
    assert inside.locator("#test-result").get_attribute("data-arrived") == "true"


def test_page_is_not_shown_in_another_sites_frame(owner: Owner, visit: Callable[..., Visit]) -> None:
    visiting = visit(hosts=3)
    visiting.forgiven = ("frame-ancestors", "net::ERR_BLOCKED_BY_RESPONSE")
    frames(visiting, owner, "evil")
    visiting.page.wait_for_timeout(500)
    assert visiting.page.frame_locator("iframe").locator("#settings").count() == 0
