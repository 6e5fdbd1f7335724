"""`make package`: it is deployed without Rust, says what is in it, and is the same bytes wherever it is made.

The package is made of the release build that the other tests run. A build of everything in a second folder would take
minutes, so one function is compiled there a second time, with this project's crates but not those of others: what cargo
has compiled of them is taken along. A search for folders in the programs covers the crates of others. The second build
takes a minute of one processor, and the rest half a minute.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.fakes.receiver import Receiver
from infra.local import environment, reproducible
from infra.local.building import FUNCTIONS, MODE, TARGETS
from infra.local.stack import Built, running_stack
from infra.local.template import read
from infra.ops.package import archive, template_file
from infra.ops.package.release import of_checkout

from .business import TestBusiness
from .conftest import LOGS
from .logs import Confidential
from .template import original

pytestmark = [
    pytest.mark.own_stack,
    pytest.mark.skipif(MODE != "release", reason="only a release build is packaged"),
]

HERE = environment.ARCHITECTURE
SECONDS = 900
REBUILT = "notify"
"""The smallest function."""


def command(*arguments: str, umask: int = -1, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command behind `make package`."""
    argv = [sys.executable, "-m", "infra.ops.package", *arguments]
    return subprocess.run(
        argv,
        cwd=environment.ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        umask=umask,
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a package for this machine's architecture."""
    folder = tmp_path_factory.mktemp("package") / "dist"
    made = command(f"--output={folder}", HERE)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


@pytest.fixture(scope="module")
def programs(package: Path) -> dict[str, bytes]:
    """Give the program in each function's zip."""
    found = {}
    for name in FUNCTIONS:
        with zipfile.ZipFile(package / template_file.archive_name(name, HERE)) as packed:
            [entry] = packed.infolist()
            assert (entry.filename, entry.external_attr >> 16) == ("bootstrap", 0o100755)
            found[name] = packed.read(entry)
    return found


def test_sums_are_those_of_every_file(package: Path) -> None:
    sums = dict(reversed(line.split("  ")) for line in (package / "SHA256SUMS").read_text().splitlines())
    zips = {template_file.archive_name(name, HERE) for name in FUNCTIONS}
    tarball = f"prosaas-webhooks-cdk-{of_checkout().version}.tgz"
    assert set(sums) == zips | {f"template-{HERE}.yaml", "samconfig.toml", "sbom.cdx.json", "LICENSE", tarball}
    assert set(sums) == {path.name for path in package.iterdir()} - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((package / name).read_bytes()).hexdigest() == digest


def test_template_is_that_of_the_stack_with_the_zips(package: Path) -> None:
    packaged, written = read(package / f"template-{HERE}.yaml"), original()
    release = of_checkout()
    assert packaged["Metadata"].pop(template_file.METADATA) == {"Version": release.version, "Commit": release.commit}
    architecture = packaged["Parameters"]["Architecture"]
    assert (architecture["Default"], architecture["AllowedValues"]) == (HERE, [HERE])
    packaged["Parameters"]["Architecture"] = written["Parameters"]["Architecture"]
    for name in template_file.functions(packaged):
        # No Metadata: SAM would build the function.
        metadata = written["Resources"][name].pop("Metadata")
        program = metadata["BuildProperties"]["Binary"]
        written["Resources"][name]["Properties"]["CodeUri"] = template_file.archive_name(program, HERE)
    assert packaged == written


def test_list_of_components_is_valid_and_has_what_is_shipped(package: Path, programs: dict[str, bytes]) -> None:
    text = (package / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None
    listed = json.loads(text)
    components = {one["bom-ref"]: one for one in listed["components"]}
    for name, program in programs.items():
        [digest] = components[f"{name}-{HERE}"]["hashes"]
        assert digest == {"alg": "SHA-256", "content": hashlib.sha256(program).hexdigest()}
    names = {one["name"] for one in listed["components"]}
    assert {"adapters", "domain", "rustls", "ring", "tokio", "aws-sdk-dynamodb", "hyper-util"} <= names
    # Only for tests.
    assert not names & {"proptest", "stateright", "rcgen", "jsonschema"}
    known = set(components) | {listed["metadata"]["component"]["bom-ref"]}
    for dependency in listed["dependencies"]:
        assert {dependency["ref"], *dependency["dependsOn"]} <= known
    about = {one["name"]: one["value"] for one in listed["metadata"]["properties"]}
    assert about["prosaas:commit"] == of_checkout().commit
    assert about["prosaas:built-with:rustc"].startswith("1.")
    assert about["prosaas:built-with:zig"].startswith("0.")


def test_package_is_the_same_when_it_is_made_again(package: Path, tmp_path: Path) -> None:
    elsewhere = {"TZ": "Asia/Jerusalem", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    again = command(f"--output={tmp_path / 'dist'}", HERE, umask=0o077, **elsewhere)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "dist" / "SHA256SUMS").read_text() == (package / "SHA256SUMS").read_text()


def test_no_file_of_the_package_has_a_folder_of_this_machine(package: Path, programs: dict[str, bytes]) -> None:
    folders = {flag.split("=")[1] for flag in reproducible.flags().split()}
    # A registry's folder has the name of the registry's host, `index.<host>-<hash>`.
    folders |= {one.name for one in reproducible.registries()}
    # A service may have the root as its home.
    folders |= {f"{home}/" for home in [Path.home()] if home != Path("/")}
    contents = programs | {path.name: path.read_bytes() for path in package.iterdir() if path.suffix != ".zip"}
    for name, content in contents.items():
        for folder in folders:
            assert folder.encode() not in content, (name, folder)


def test_no_program_has_the_date_of_its_build(programs: dict[str, bytes]) -> None:
    # As C's `__DATE__` writes it.
    date = re.compile(rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 1-3][0-9] 20[0-9]{2}\0")
    for name, program in programs.items():
        assert date.search(program) is None, name


@pytest.fixture
def compiled(tmp_path: Path) -> Iterator[Path]:
    """Give a folder for cargo with what is compiled already, which is removed at the end, since it is large."""
    folder = tmp_path / "target"
    take_along(environment.ROOT / os.environ.get("CARGO_TARGET_DIR", "target"), folder)
    yield folder
    shutil.rmtree(folder)


def test_function_compiled_in_another_folder_is_the_same_program(
    programs: dict[str, bytes], compiled: Path, tmp_path: Path
) -> None:
    checkout = tmp_path / "elsewhere"
    # The copies are new files, without the times of the first ones, by which cargo would take their programs along too.
    for name in (".cargo", "functions", "shared", "events", "infra/measure/bench"):
        shutil.copytree(environment.ROOT / name, checkout / name, copy_function=shutil.copyfile)
    for name in ("Cargo.toml", "Cargo.lock"):
        shutil.copyfile(environment.ROOT / name, checkout / name)
    # The flags are those of the first build, since other ones would make cargo compile everything. So no flag gives the
    # second folder a name, and a path of it in the program would be found.
    env = reproducible.building() | {"CARGO_TARGET_DIR": str(compiled)}
    argv = ["cargo", "lambda", "build", "--release", "--locked", "--package", REBUILT]
    built = subprocess.run(argv, cwd=checkout, env=env, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert built.returncode == 0, built.stderr
    compiled_here = set(re.findall(r"Compiling (\S+) v", built.stderr))
    assert compiled_here == {"domain", "publish", "adapters", REBUILT}
    program = (compiled / "lambda" / REBUILT / "bootstrap").read_bytes()
    assert hashlib.sha256(program).hexdigest() == hashlib.sha256(programs[REBUILT]).hexdigest()


def take_along(target: Path, to: Path) -> None:
    """Copy what cargo has compiled for release, with its times, so that cargo compiles only what lies elsewhere."""
    for part in ("release", f"{TARGETS[HERE]}/release"):
        for folder in (".fingerprint", "build", "deps"):
            shutil.copytree(target / part / folder, to / part / folder, symlinks=True)


def test_zip_does_not_depend_on_the_times_and_modes_of_files(tmp_path: Path) -> None:
    for name, mode in (("one", 0o600), ("two", 0o777)):
        (tmp_path / name).write_bytes(b"program")
        (tmp_path / name).chmod(mode)
        os.utime(tmp_path / name, (mode, mode))
        archive.pack(tmp_path / name, tmp_path / f"{name}.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_architecture_that_cannot_be_built_is_told(tmp_path: Path) -> None:
    refused = command(f"--output={tmp_path / 'dist'}", "sparc")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "No architecture of Lambda: sparc. There are arm64 and x86_64.\n"
    # A compiler that has the standard library of no other target.
    for tool in ("git", "rustc"):
        (tmp_path / tool).write_text('#!/bin/sh\n[ "$1" = "--version" ] && echo rustc 1.0.0 || echo /nowhere\n')
        (tmp_path / tool).chmod(0o755)
    refused = command(f"--output={tmp_path / 'dist'}", "arm64", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert refused.returncode == 1
    assert refused.stderr.endswith("arm64: rustup target add aarch64-unknown-linux-gnu\n")
    assert not (tmp_path / "dist").exists()


@pytest.fixture
def business(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver, confidential: Confidential
) -> Iterator[TestBusiness]:
    """Give a business of a stack that was deployed from the package, with no cargo on the path, nor anything else."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("cargo") is None
    built = Built(package / f"template-{HERE}.yaml", package / "samconfig.toml")
    with running_stack({"MaximumConcurrency": "2"}, logs=LOGS / "package", built=built) as stack:
        yield TestBusiness(f"b-{uuid4().hex[:12]}", stack, receiver, confidential)


def test_stack_that_is_deployed_from_the_package_without_rust_delivers(package: Path, business: TestBusiness) -> None:
    business.answers(200)
    event = business.publish()
    [received] = business.receives()
    assert json.loads(received.body)["call_id"] == event["call_id"]
    # README's command that asks a stack for its release.
    readme = (environment.ROOT / "README.md").read_text()
    [asking] = re.findall(r"^aws cloudformation get-template .*", readme, re.MULTILINE)
    env = environment.using(business.stack.endpoint) | {"PATH": f"{environment.VENV_BIN}{os.pathsep}{os.defpath}"}
    told = subprocess.run(["/bin/sh", "-c", asking], env=env, capture_output=True, text=True, check=True).stdout
    packaged = re.search(r"^ +Commit: (\S+)$", (package / f"template-{HERE}.yaml").read_text(), re.MULTILINE)
    assert packaged
    assert told.split()[-1].strip('"') == packaged[1]
