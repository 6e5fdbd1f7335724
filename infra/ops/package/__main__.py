"""The command behind `make package`: zips, the template that refers to them, CDK construct, list of components, sums.

The package is made in a folder beside its own, which takes the place of an earlier package once everything is there.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from infra.local import environment, template
from infra.local.building import FUNCTIONS, TARGETS, compile_functions
from infra.local.processes import Failure, command
from infra.local.run import step

from . import archive, construct, sbom, template_file
from .release import Release, of_checkout

DIST = environment.ROOT / "dist"
SUMS = "SHA256SUMS"
CONFIGURATION = """\
# How SAM deploys the templates beside this file. A parameter that a later deployment does not name keeps its value.
version = 0.1

[default.deploy.parameters]
stack_name = "prosaas-webhooks"
resolve_s3 = true
s3_prefix = "prosaas-webhooks"
capabilities = "CAPABILITY_IAM"
# SAM shows what would change, and asks. Answer no if a table, a queue or a secret would be replaced or removed.
confirm_changeset = true
fail_on_empty_changeset = false
"""


def main() -> int:
    """Build what the arguments name, and make a package of it."""
    parser = argparse.ArgumentParser(prog="make package", description=__doc__)
    parser.add_argument("--output", type=Path, default=DIST, help="the folder of the package, which is made anew")
    parser.add_argument("architectures", nargs="*", help=f"of {', '.join(TARGETS)}; by default those that can be built")
    arguments = parser.parse_args()
    architectures = chosen(arguments.architectures)
    check_replaceable(arguments.output)
    release = of_checkout()
    if not release.is_of_a_commit:
        print(f"This package is of no commit ({release.commit}), so nobody else can build it again.")
    programs = {}
    for architecture in architectures:
        with step(f"Building the functions for {architecture}"):
            programs[architecture] = compile_functions(architecture, environment.RUN / "package" / architecture)
    make(arguments.output, release, programs)
    print((arguments.output / SUMS).read_text(), end="")
    return 0


def chosen(architectures: list[str]) -> list[str]:
    """Give the architectures to build, or fail if one was asked for that cannot be built here."""
    if unknown := set(architectures) - set(TARGETS):
        raise Failure(f"No architecture of Lambda: {', '.join(sorted(unknown))}. There are {' and '.join(TARGETS)}.")
    buildable = [architecture for architecture in TARGETS if _is_buildable(architecture)]
    missing = [architecture for architecture in architectures or TARGETS if architecture not in buildable]
    advice = [f"{architecture}: rustup target add {TARGETS[architecture]}" for architecture in missing]
    if architectures and missing:
        raise Failure("\n".join(["Rust cannot build here for", *advice]))
    for line in advice:
        print(f"The package leaves out an architecture for which Rust cannot build here. {line}")
    return [architecture for architecture in buildable if not architectures or architecture in architectures]


def check_replaceable(output: Path) -> None:
    """Fail if a folder has files and is no package, since the new package would replace the files."""
    if output.exists() and not (output / SUMS).exists() and (not output.is_dir() or any(output.iterdir())):
        raise Failure(f"{output} is no package, and not empty. This command replaces packages only: --output=...")


def make(output: Path, release: Release, programs: Mapping[str, Mapping[str, Path]]) -> None:
    """Write the package of programs, which are given by architecture and name."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{output.name}-", dir=output.parent) as beside:
        made = Path(beside) / "made"
        made.mkdir()
        _write(made, release, programs)
        # A rename replaces an empty folder only.
        if output.exists():
            output.rename(Path(beside) / "earlier")
        made.rename(output)


def _write(output: Path, release: Release, programs: Mapping[str, Mapping[str, Path]]) -> None:
    written = template.read(environment.ROOT / "infra" / "template.yaml")
    for architecture, paths in programs.items():
        for name, path in paths.items():
            archive.pack(path, output / template_file.archive_name(name, architecture))
        packaged = template_file.packaged(written, architecture, release)
        template_file.write(packaged, output / f"template-{architecture}.yaml")
    construct.pack(output)
    shutil.copyfile(environment.ROOT / "LICENSE", output / "LICENSE")
    (output / "samconfig.toml").write_text(CONFIGURATION)
    (output / "sbom.cdx.json").write_text(json.dumps(_components(release, programs), indent=1) + "\n")
    sums = [f"{_sha256(path)}  {path.name}\n" for path in sorted(output.iterdir())]
    (output / SUMS).write_text("".join(sums))


def _components(release: Release, programs: Mapping[str, Mapping[str, Path]]) -> sbom.Json:
    found = {}
    for architecture, paths in programs.items():
        lists = sbom.listed(architecture)
        found[architecture] = {name: (_sha256(paths[name]), lists[name]) for name in FUNCTIONS}
    return sbom.document(release, found)


def _is_buildable(architecture: str) -> bool:
    argv = ["rustc", "--print=target-libdir", f"--target={TARGETS[architecture]}"]
    folder = subprocess.run(argv, cwd=environment.ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return any(Path(folder).glob("libstd-*"))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    command(main)
