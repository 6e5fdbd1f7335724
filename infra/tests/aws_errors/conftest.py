"""The stack behind the proxy, which the tests of this package share, and each test's own businesses."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.fakes.aws_proxy import AwsProxy, running_aws_proxy
from infra.fakes.receiver import Receiver
from infra.local.building import build
from infra.local.stack import Stack, running_stack
from infra.tests.business import TestBusiness
from infra.tests.conftest import LOGS, Businesses
from infra.tests.logs import Confidential
from infra.tests.queues import short_visibility

from .ways import EVERY_WAY

MAX_CONCURRENCY = 8
PARAMETERS = {
    "RetryScheduleSeconds": "1,1,2",
    "MaxAttempts": "30",
    "AttemptTimeoutSeconds": "2",
    "MaximumConcurrency": str(MAX_CONCURRENCY),
    "LogLevel": "DEBUG",
}
VISIBILITY_SECONDS = 6
"""Longer than the function tries one call: a message that returns sooner would be delivered twice at the same time."""


@pytest.fixture(scope="package")
def aws_proxy() -> Iterator[AwsProxy]:
    """Give the proxy in front of AWS."""
    with running_aws_proxy() as running:
        yield running


@pytest.fixture(scope="package")
def fragile(aws_proxy: AwsProxy) -> Iterator[Stack]:
    """Give a stack behind the proxy, whose messages return soon after a fault."""
    build()
    with (
        running_stack(PARAMETERS, logs=LOGS / "fragile", aws_proxy=aws_proxy) as deployed,
        short_visibility(deployed, VISIBILITY_SECONDS),
    ):
        yield deployed


@pytest.fixture
def business(fragile: Stack, receiver: Receiver, confidential: Confidential) -> TestBusiness:
    """Give a business of that stack."""
    return TestBusiness(f"b-{uuid4().hex[:12]}", fragile, receiver, confidential)


@pytest.fixture
def business_for(fragile: Stack, receiver: Receiver, confidential: Confidential) -> Businesses:
    """Give a function that makes a business of that stack for each of a test's cases."""
    return Businesses(lambda: TestBusiness(f"b-{uuid4().hex[:12]}", fragile, receiver, confidential))


@pytest.fixture
def businesses(fragile: Stack, receiver: Receiver, confidential: Confidential) -> list[TestBusiness]:
    """Give a business for each way in which a call can fail, so that one test tries all ways at once."""
    return [TestBusiness(f"b-{uuid4().hex[:12]}", fragile, receiver, confidential) for _ in EVERY_WAY]
