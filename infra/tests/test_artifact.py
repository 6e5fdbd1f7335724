"""The deployed program is small, and runs on Amazon Linux 2023."""

import pytest

from infra.local.building import BOOTSTRAP, MODE
from infra.local.stack import Stack
from infra.measure.artifact import newest_glibc, zip_bytes

MEGABYTE = 1_000_000


@pytest.mark.skipif(MODE != "release", reason="only a release build is deployed")
def test_zip_is_under_5_megabytes(stack: Stack) -> None:
    assert stack.outputs
    assert zip_bytes(BOOTSTRAP.parent) < 5 * MEGABYTE


def test_bootstrap_needs_no_glibc_newer_than_that_of_amazon_linux_2023(stack: Stack) -> None:
    assert stack.outputs
    assert newest_glibc(BOOTSTRAP) <= (2, 34)
