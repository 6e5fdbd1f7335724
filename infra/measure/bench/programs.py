"""The programs of the bench: those that are deployed, as `make deploy` builds them, and the references beside them."""

from dataclasses import dataclass
from pathlib import Path

from infra.local import environment, reproducible
from infra.local.building import BUILT, MODE, build
from infra.local.processes import Failure, finish
from infra.local.run import step

_FOLDER = environment.RUN / "bench"


@dataclass(frozen=True)
class Programs:
    """The paths of the programs."""

    bench: Path
    hello: Path
    floor: Path
    deliver: Path
    portal: Path


def built() -> Programs:
    """Build the functions, unless they are built, and the references."""
    if MODE != "release":
        raise Failure("A bench of anything but the release build says nothing.")
    with step("Building the functions"):
        build()
    with step("Building the references"):
        argv = ["cargo", "lambda", "build", "--release", "--locked", f"--lambda-dir={_FOLDER}", "--package=bench"]
        finish(argv, reproducible.building(), environment.RUN / "bench.build.log", environment.ROOT, "The build")
    of = {name: _FOLDER / name / "bootstrap" for name in ("bench", "hello", "floor")}
    return Programs(
        **of,
        deliver=BUILT / "DeliverFunction" / "bootstrap",
        portal=BUILT / "PortalFunction" / "bootstrap",
    )
