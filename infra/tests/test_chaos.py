"""The short form of `make chaos`: every published event is accounted for, whatever breaks."""

import os
import random
from collections.abc import Iterator

import pytest

from infra.chaos.scenarios import SCENARIOS, Scenario
from infra.chaos.system import SystemUnderTest, running_system
from infra.local.building import build

from .conftest import LOGS

pytestmark = [pytest.mark.own_stack, pytest.mark.chaos]


@pytest.fixture(scope="module")
def seed() -> int:
    """Give the seed of the run, a new one unless the environment names it."""
    return int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))


@pytest.fixture(scope="module")
def system(seed: int) -> Iterator[SystemUnderTest]:
    """Give the stack, with the proxy and the receiver that break it."""
    build()
    with running_system(seed, scale=1, logs=LOGS / "chaos") as running:
        yield running


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_no_event_is_lost(system: SystemUnderTest, scenario: Scenario, seed: int) -> None:
    account = scenario.run(system)
    assert account.lost == [], f"SEED={seed}"
    assert account.published > 0
    if scenario.all_arrive:
        assert account.delivered == account.published, f"SEED={seed}"
