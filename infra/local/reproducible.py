"""The environment of every release build, so that the same sources give the same programs in every folder.

The compiler writes the paths of sources into a program, for the messages of panics. The flags given here replace the
folders of this machine by names. `make compile`, `make deploy` and `make package` have the same flags: other ones would
make cargo compile everything anew.

Cargo keeps the crates of others in a folder for each registry, named after the registry's host. The flags name these
folders too, so cargo fetches the crates before the flags are made.

`.cargo/config.toml` keeps the time of the build out of code in C.

The folders' names must not contain white space, which would end a flag. This module does not choose the versions of the
compiler and the linker, which decide the bytes too.
"""

import os
from pathlib import Path

from . import environment
from .processes import finish


def building() -> dict[str, str]:
    """Fetch the crates, and give the environment of a build whose programs do not depend on the folder."""
    argv = ["cargo", "fetch", "--locked"]
    finish(argv, environment.building(), environment.RUN / "fetch.log", environment.ROOT, "Fetching the crates")
    # Flags of the environment would take the place of these flags.
    inherited = {name: value for name, value in environment.building().items() if not name.endswith("RUSTFLAGS")}
    # cargo-lambda adds the processor to flags that it finds under this name, and leaves others as they are.
    return inherited | {"CARGO_BUILD_RUSTFLAGS": flags()}


def flags() -> str:
    """Give the compiler's flags. The last one that fits a path counts."""
    names = {environment.ROOT: "/webhooks"} | dict.fromkeys(registries(), "/registry") | {_target(): "/target"}
    return " ".join(f"--remap-path-prefix={folder}={name}" for folder, name in names.items())


def registries() -> list[Path]:
    """Give the folder of each registry from which cargo has fetched crates on this machine."""
    sources = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "registry" / "src"
    return sorted(sources.iterdir()) if sources.is_dir() else []


def _target() -> Path:
    return environment.ROOT / os.environ.get("CARGO_TARGET_DIR", "target")


def main() -> None:
    """Print the flags. The crates have to be fetched."""
    print(flags())


if __name__ == "__main__":
    main()
