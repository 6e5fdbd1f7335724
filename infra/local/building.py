"""The functions and the examples, built for this machine: as `make deploy` builds them, or quickly.

A release build has the profile that is deployed, and takes minutes. One command compiles all functions, so that the
machine's processors share the work. `sam build` then finds them compiled, and lays them out. The programs are the same
bytes in whatever folder they are compiled (`reproducible`).

A debug build is one build by cargo of everything that the demo runs, with the features and the profile of `cargo test`:
the two share what they compile. Its functions are laid out here, as `sam build` would have done it.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Event, Thread

from . import environment, reproducible, template
from .processes import Failure, command, finish

MODE = os.environ.get("BUILD", "release")
"""`release` or `debug`."""

ALREADY_BUILT = "FUNCTIONS_ARE_BUILT"
"""The variable that a process sets for the processes that it starts, if the functions are built already."""

_IS_BUILT = os.environ.pop(ALREADY_BUILT, None) is not None
"""Whether the functions are built. The variable is removed, so that this process's commands build as always."""

BUILT = environment.ROOT / ".aws-sam" / ("build" if MODE == "release" else MODE)
BUILT_TEMPLATE = BUILT / "template.yaml"
BOOTSTRAP = BUILT / "DeliverFunction" / "bootstrap"
CONFIGURATION = environment.ROOT / "infra" / "samconfig.toml"
TELLING_SECONDS = 15
FUNCTIONS = ("deliver", "notify", "portal", "sweep")
EXAMPLES = ("finalize_call_on_stop", "link_for_owner", "conformance")
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
"""Rust's name of each architecture."""

# Every member and every feature, whatever is built of them: what depends on the features is compiled once.
_CARGO = ["cargo", "build", "--workspace", "--all-features", "--locked", "--message-format=json-render-diagnostics"]


@cache
def build() -> None:
    """Build the functions for this machine's architecture: once in a process."""
    if _IS_BUILT:
        return
    if MODE == "release":
        _build_by_sam()
    elif MODE == "debug":
        _build_quickly()
    else:
        raise Failure(f"BUILD={MODE} is neither release nor debug.")


@cache
def build_examples() -> dict[str, Path]:
    """Build the examples and the check of conformance, and give each one's program by its name."""
    wanted = [argument for name in EXAMPLES for argument in ("--example", name)]
    programs = _cargo(wanted, "examples", "Building the examples")
    return {name: programs[name] for name in EXAMPLES}


def build_receivers_sample() -> Path:
    """Build the program that runs the Rust sample of receivers. Its crate's tests depend on more than the demo."""
    return _cargo(["--example", "verify_request"], "sample", "Building the receivers' sample")["verify_request"]


def compile_functions(architecture: str, folder: Path) -> dict[str, Path]:
    """Make a release build of the functions, and give each one's program, in a folder, by its name."""
    argv = ["cargo", "lambda", "build", "--release", "--locked", f"--lambda-dir={folder}"]
    argv += [argument for name in FUNCTIONS for argument in ("--package", name)]
    if architecture != environment.ARCHITECTURE:
        argv.append({"arm64": "--arm64", "x86_64": "--x86-64"}[architecture])
    log = environment.RUN / "compile.log"
    with _told(log):
        finish(argv, reproducible.building(), log, environment.ROOT, "Compiling the functions")
    return {name: folder / name / "bootstrap" for name in FUNCTIONS}


def _build_by_sam() -> None:
    compile_functions(environment.ARCHITECTURE, environment.RUN / "compiled")
    argv = [
        *environment.SAM,
        "build",
        f"--config-file={CONFIGURATION}",
        f"--build-dir={BUILT}",
        "--parameter-overrides",
        f"Architecture={environment.ARCHITECTURE}",
    ]
    finish(argv, reproducible.building(), environment.RUN / "build.log", environment.ROOT, "sam build")


def _build_quickly() -> None:
    examples = [argument for name in EXAMPLES for argument in ("--example", name)]
    programs = _cargo(["--bins", *examples], "build", "Building the functions")
    built = template.read(environment.ROOT / "infra" / "template.yaml")
    for name, resource in built["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            bootstrap = BUILT / name / "bootstrap"
            bootstrap.parent.mkdir(parents=True, exist_ok=True)
            bootstrap.unlink(missing_ok=True)
            # The same file under the name that Lambda starts; a later build puts another one in its program's place.
            bootstrap.hardlink_to(programs[resource["Metadata"]["BuildProperties"]["Binary"]])
            resource["Properties"]["CodeUri"] = name
    template.write(built, BUILT_TEMPLATE)


def _cargo(targets: Sequence[str], log: str, what: str) -> dict[str, Path]:
    path = environment.RUN / f"{log}.log"
    with _told(path):
        output = finish([*_CARGO, *targets], environment.building(), path, environment.ROOT, what)
    messages = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {message["target"]["name"]: Path(message["executable"]) for message in messages if message.get("executable")}


@contextmanager
def _told(log: Path) -> Iterator[None]:
    # Tells every few seconds how many crates cargo has begun with. Cargo does not say how many there will be.
    ended = Event()

    def tell() -> None:
        while not ended.wait(TELLING_SECONDS):
            print(f"{log.read_text(errors='replace').count('Compiling ')} crates, ", end="", flush=True)

    thread = Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def main() -> int:
    """Build the functions and the examples."""
    print("Building the functions and the examples ... ", end="", flush=True)
    build()
    build_examples()
    print("done", flush=True)
    return 0


if __name__ == "__main__":
    command(main)
