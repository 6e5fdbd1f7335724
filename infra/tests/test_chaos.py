"""The short form of `make chaos`: every published event is accounted for, whatever breaks."""

import json
import os
import random
from collections.abc import Iterator

import pytest

from infra.chaos.scenarios import SCENARIOS, Scenario
from infra.chaos.system import SystemUnderTest, running_system
from infra.local.building import build
from infra.local.conformance import check_conformance
from infra.local.processes import Failure

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
    print(account.note)
    assert account.lost == [], f"SEED={seed}"
    assert account.published > 0
    if scenario.all_arrive:
        assert account.delivered == account.published, f"SEED={seed}"


def test_every_run_also_a_killed_one_was_one_of_the_pure_code(system: SystemUnderTest) -> None:
    conformance = system.check_conformance()
    print(conformance)
    assert conformance.calls > 0


def test_a_doctored_log_does_not_conform_and_its_lines_are_shown(system: SystemUnderTest) -> None:
    log = system.stack.function_log()
    place, line = next(
        (place, line) for place, line in enumerate(log) if '\\"Record\\"' in line and "Delivered" in line
    )
    run = json.loads(line)["run"]
    doctored = {
        "a call that the code did not make": line.replace("Delivered", "Held"),
        "a call less": line.replace(run, "0" * 16),
        "another reply": line.replace('\\"Recorded\\":\\"Done\\"', '\\"Recorded\\":\\"AlreadyHeld\\"'),
    }
    for what, changed in doctored.items():
        assert changed != line, what
        with pytest.raises(Failure, match=run):
            check_conformance([*log[:place], changed, *log[place + 1 :]])
