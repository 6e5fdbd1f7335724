"""The one deployment that all tests share, and each test's own business, owner and page."""

import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import ExitStack
from typing import TypeVar
from uuid import uuid4

import pytest
from playwright.sync_api import Browser

from infra.fakes.receiver import Receiver, running_receiver
from infra.local import environment
from infra.local.building import build
from infra.local.stack import Stack, running_stack

from .browsing import Size, Visit, chromium, visiting
from .business import TestBusiness
from .logs import Confidential
from .portal import Owner, Portal
from .queues import DeadLetters

PARAMETERS = {
    # Steps far enough apart to tell which one was taken.
    "RetryScheduleSeconds": "1,1,6",
    "MaxAttempts": "4",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": "8",
    "LogLevel": "DEBUG",
}
LOGS = environment.RUN / "tests" / os.environ.get("RUN_OF_TESTS", "")
"""The folder of this run. Each run of `__main__` has its own."""

Case = TypeVar("Case", bound=Hashable)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Give the deployed stack."""
    build()
    with running_stack(PARAMETERS, logs=LOGS) as deployed:
        yield deployed


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Give the receiver with every business's endpoint."""
    with running_receiver() as running:
        yield running


@pytest.fixture(scope="session")
def confidential() -> Confidential:
    """Give the list of texts that no log line may contain."""
    return Confidential()


@pytest.fixture(scope="session")
def dead_letters(stack: Stack) -> DeadLetters:
    """Give the messages of the dead-letter queue."""
    return DeadLetters(stack)


@pytest.fixture
def business(stack: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a business with a receiver path of its own, which no other test uses."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", stack, receiver, confidential)


@pytest.fixture
def another(stack: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a second business."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", stack, receiver, confidential)


class Businesses:
    """Makes a business for each case of a test, so that the cases wait at the same time."""

    def __init__(self, make: Callable[[], TestBusiness]) -> None:
        self.made: list[TestBusiness] = []
        self._make = make

    def __call__(self, cases: Iterable[Case]) -> dict[Case, TestBusiness]:
        """Make a business for each case."""
        businesses = {case: self._make() for case in cases}
        self.made += businesses.values()
        return businesses


@pytest.fixture
def business_for(stack: Stack, receiver: Receiver, confidential: Confidential) -> Businesses:
    """Give a function that makes a business for each of a test's cases."""
    return Businesses(lambda: TestBusiness(f"b-{uuid4().hex[:12]}", stack, receiver, confidential))


@pytest.fixture(scope="session")
def portal(stack: Stack, confidential: Confidential) -> Portal:
    """Give the portal of the stack."""
    confidential.add(stack.portal_secret)
    return Portal(stack)


@pytest.fixture
def owner(business: TestBusiness, portal: Portal) -> Owner:
    """Give the owner of the business, with a token."""
    return Owner(business, portal)


@pytest.fixture
def stranger(another: TestBusiness, portal: Portal) -> Owner:
    """Give the owner of the second business."""
    return Owner(another, portal)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give a running Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Give a function that opens a browser's page of a size. A complaint of the browser fails the test."""
    with ExitStack() as stack:
        yield lambda size=Size.DESKTOP, **options: stack.enter_context(visiting(browser, size, **options))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests marked `last` at the end, and refuse a mark that contradicts a test's stack.

    The tests marked `last` read the whole log of the shared stack, so only runs that share a stack have them.
    """
    for item in items:
        marks = [mark for mark in ("own_stack", "second", "alone") if item.get_closest_marker(mark)]
        if marks and "stack" in getattr(item, "fixturenames", ()):
            raise pytest.UsageError(f"{item.nodeid} is marked {marks[0]} and uses the shared stack")
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show with a failed test the functions' log lines about its businesses."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    businesses = [value for value in fixtures.values() if isinstance(value, TestBusiness)]
    businesses += [one for value in fixtures.values() if isinstance(value, Businesses) for one in value.made]
    if report.failed and businesses:
        ids = [business.id for business in businesses]
        for name, log in (
            ("deliver", businesses[0].stack.function_log()),
            ("portal", businesses[0].stack.portal_log()),
        ):
            lines = [line for line in log if any(id_ in line for id_ in ids)]
            report.sections.append((f"{name}'s log about {', '.join(ids)}", "\n".join(lines)))
    return report
