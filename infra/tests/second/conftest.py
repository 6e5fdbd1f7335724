"""A stack of the second stand-in for each module, with its `PARAMETERS`, and each test's own business and owner."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.fakes.receiver import Receiver
from infra.fakes.second.stack import SecondStack, second_stack
from infra.local.building import build
from infra.tests.business import TestBusiness
from infra.tests.conftest import LOGS
from infra.tests.logs import Confidential
from infra.tests.notices import Notices
from infra.tests.portal import Owner, Portal
from infra.tests.queues import DeadLetters


@pytest.fixture(scope="module")
def second(request: pytest.FixtureRequest) -> Iterator[SecondStack]:
    """Give the stack, with the parameters of the test's module."""
    build()
    name = request.module.__name__.rpartition(".test_")[2]
    with second_stack(request.module.PARAMETERS, logs=LOGS / "second" / name) as running:
        yield running


@pytest.fixture(scope="module")
def portal(second: SecondStack, confidential: Confidential) -> Portal:
    """Give the portal of this stack."""
    confidential.add(second.portal_secret)
    return Portal(second)


@pytest.fixture(scope="module")
def notices(second: SecondStack) -> Notices:
    """Give the notices of this stack."""
    return Notices(second)


@pytest.fixture(scope="module")
def dead_letters(second: SecondStack) -> DeadLetters:
    """Give the dead letters of this stack."""
    return DeadLetters(second)


@pytest.fixture
def business(second: SecondStack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a business of this stack."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", second, receiver, confidential)


@pytest.fixture
def another(second: SecondStack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a second business."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", second, receiver, confidential)


@pytest.fixture
def owner(business: TestBusiness, portal: Portal) -> Owner:
    """Give the owner of the business, with a token."""
    return Owner(business, portal)
