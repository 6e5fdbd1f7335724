"""The stack that the tests of this package share, the proxy in front of AWS, and each test's own businesses."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from infra.fakes.aws_proxy import AwsProxy, running_aws_proxy
from infra.fakes.fake_move_tasks import OPERATIONS, FakeMoveTasks
from infra.fakes.receiver import Receiver
from infra.local import environment
from infra.local.building import build
from infra.local.stack import Stack, running_stack
from infra.tests.business import TestBusiness
from infra.tests.conftest import LOGS
from infra.tests.logs import Confidential
from infra.tests.waits import SECONDS

MAX_ATTEMPTS = 3
PARAMETERS = {"RetryScheduleSeconds": "1", "MaxAttempts": str(MAX_ATTEMPTS), "AttemptTimeoutSeconds": "2"}

Tool = Callable[..., subprocess.CompletedProcess[str]]
"""Runs a command of `infra.ops` as a person on call runs it: `tool("redrive", "--rate", "100", answer="yes")`."""


@pytest.fixture(scope="package")
def aws_proxy() -> Iterator[AwsProxy]:
    """Give the proxy in front of AWS."""
    with running_aws_proxy() as running:
        yield running


@pytest.fixture(scope="package")
def short_schedule(aws_proxy: AwsProxy) -> Iterator[Stack]:
    """Give a stack whose schedule is spent after seconds, and whose SQS can move messages."""
    build()
    with (
        running_stack(PARAMETERS, logs=LOGS / "short_schedule", aws_proxy=aws_proxy) as deployed,
        aws_proxy.rule(FakeMoveTasks(deployed), *OPERATIONS),
    ):
        yield deployed


@pytest.fixture
def new_business(short_schedule: Stack, receiver: Receiver, confidential: Confidential) -> Callable[[], TestBusiness]:
    """Give a function that makes a business of that stack."""
    return lambda: TestBusiness(f"b-{uuid4().hex[:12]}", short_schedule, receiver, confidential)


@pytest.fixture
def business(new_business: Callable[[], TestBusiness]) -> TestBusiness:
    """Give a business of that stack."""
    return new_business()


@pytest.fixture
def another(new_business: Callable[[], TestBusiness]) -> TestBusiness:
    """Give a second business of that stack."""
    return new_business()


@pytest.fixture(scope="package")
def tool(aws_proxy: AwsProxy) -> Tool:
    """Give a function that runs a command of the operator."""
    env = os.environ | environment.using(aws_proxy.endpoint)

    def run(name: str, *arguments: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", f"infra.ops.{name}", *arguments]
        return subprocess.run(
            argv,
            cwd=environment.ROOT,
            env=env,
            input=answer,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    return run
