"""Runs every scenario and prints where the events ended; status 1 if an event was lost or a run does not conform."""

import argparse
import os
import random
import time

from infra.local import environment
from infra.local.building import build, build_examples
from infra.local.processes import Failure, command
from infra.local.run import step

from .audit import Account
from .scenarios import SCENARIOS, Scenario
from .system import running_system

SCALE = 4


def main() -> int:
    """Run the scenarios that the arguments name, and return the command's status."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--scale", type=int, default=SCALE, help="how many events, as a multiple of the short form's")
    parser.add_argument("--only", default="", help="a part of the names of the scenarios to run")
    arguments = parser.parse_args()
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    with step("Building the functions and the check of conformance"):
        build()
        build_examples()
    print(f"Seed {seed}", flush=True)
    lost = []
    with running_system(seed, arguments.scale, environment.RUN / "chaos") as system:
        print(HEADER, flush=True)
        for scenario in SCENARIOS:
            if arguments.only in scenario.name:
                started = time.monotonic()
                account = scenario.run(system)
                print(line(scenario, account, time.monotonic() - started), flush=True)
                if account.note:
                    print(f"  {account.note}", flush=True)
                lost += account.lost
                if scenario.all_arrive and account.delivered < account.published:
                    lost.append(f"{scenario.name}: not all events have arrived")
        print(system.check_conformance(), flush=True)
    if lost:
        raise Failure("\n".join(["Lost:", *lost, f"Again with SEED={seed}."]))
    return 0


HEADER = (
    f"{'':42}{'events':>8}{'arrived':>9}{'held':>6}{'failed':>8}{'dead':>6}{'malformed':>11}{'lost':>6}"
    f"{'duplicates':>13}{'s':>6}"
)


def line(scenario: Scenario, account: Account, seconds: float) -> str:
    """Give one scenario's account as a line under `HEADER`."""
    return (
        f"{scenario.name:42}{account.published:8}{account.delivered:9}{account.held:6}{account.failed:8}"
        f"{account.dead:6}{account.malformed:11}{len(account.lost):6}{account.duplicates_per_thousand:8.1f} ‰   "
        f"{seconds:6.1f}"
    )


if __name__ == "__main__":
    command(main)
