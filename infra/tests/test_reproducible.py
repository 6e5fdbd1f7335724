"""The flags of a release build: they name the folders of this machine, and are the same for every way to build.

What the flags do to the programs is the matter of `test_package`, which needs a release build.
"""

import re
import subprocess
from pathlib import Path

import pytest

from infra.local import environment, reproducible
from infra.local.building import FUNCTIONS, TARGETS


@pytest.fixture
def registries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Let cargo's home have the folders of two registries, and give these."""
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    monkeypatch.delenv("CARGO_TARGET_DIR", raising=False)
    found = [tmp_path / "registry" / "src" / f"{host}-0123456789abcdef" for host in ("first", "second")]
    for folder in reversed(found):
        folder.mkdir(parents=True)
    return found


def test_flags_name_the_folder_of_each_registry_alike(registries: list[Path]) -> None:
    folders = [(environment.ROOT, "/webhooks"), *((one, "/registry") for one in registries)]
    folders.append((environment.ROOT / "target", "/target"))
    assert reproducible.flags() == " ".join(f"--remap-path-prefix={one}={name}" for one, name in folders)


def test_build_fetches_the_crates_before_its_flags_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A cargo that makes the registry's folder, as the first fetch on a machine does.
    registry = tmp_path / "home" / "registry" / "src" / "first-0"
    cargo = tmp_path / "cargo"
    cargo.write_text(f'#!/bin/sh\n[ "$*" = "fetch --locked" ] && mkdir -p {registry}\n')
    cargo.chmod(0o755)
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUSTFLAGS", "-C target-cpu=native")
    monkeypatch.setattr(environment, "VENV_BIN", tmp_path)
    env = reproducible.building()
    assert f"={registry}=/registry" in env["CARGO_BUILD_RUSTFLAGS"]
    assert "RUSTFLAGS" not in env
    # `make deploy` takes the flags from the command, after its own fetch.
    reproducible.main()
    assert capsys.readouterr().out == env["CARGO_BUILD_RUSTFLAGS"] + "\n"
    makefile = (environment.ROOT / "Makefile").read_text()
    assert re.search(
        r"^deploy: .*\n\tcargo fetch --locked .*\n\t.*CARGO_BUILD_RUSTFLAGS=.*-m infra.local.reproducible",
        makefile,
        re.M,
    )


def test_each_function_alone_has_the_features_of_all_together() -> None:
    # `sam build` compiles one after the other. With other features it would compile nearly everything anew, to other
    # programs than those of `make package`.
    together = features(*FUNCTIONS)
    for name in FUNCTIONS:
        assert features(name) - together == set(), name


def features(*functions: str) -> set[str]:
    """Give each crate of these functions with its features."""
    argv = ["cargo", "tree", "--locked", "--edges=normal,build", "--prefix=none", "--no-dedupe", "--format={p} {f}"]
    argv += [f"--target={TARGETS[environment.ARCHITECTURE]}", *(f"--package={name}" for name in functions)]
    tree = subprocess.run(argv, cwd=environment.ROOT, capture_output=True, text=True, check=True, timeout=60)
    return set(tree.stdout.splitlines())
