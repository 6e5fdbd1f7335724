"""What `make package` does around the programs: the folder that it replaces, the commit that it names, the versions.

The package itself is the matter of `test_package`, which needs a release build.
"""

import json
import os
import re
import tarfile
from pathlib import Path

import pytest

from infra.local import environment
from infra.local.processes import Failure
from infra.ops.package import __main__ as package
from infra.ops.package import construct, release, sbom

RELEASE = release.Release("1.2.3", "c" * 40, None, {})


def listed_by_nobody(architecture: str) -> dict[str, sbom.Json]:
    """Fail, as cargo-cyclonedx may."""
    raise Failure(f"cargo-cyclonedx failed for {architecture}")


def test_earlier_package_stays_until_the_new_one_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / package.SUMS).write_text("earlier")
    monkeypatch.setattr(sbom, "listed", listed_by_nobody)
    with pytest.raises(Failure):
        package.make(dist, RELEASE, {"arm64": {}})
    assert [path.read_text() for path in dist.iterdir()] == ["earlier"]
    monkeypatch.setattr(package, "_components", lambda *_: {})
    package.make(dist, RELEASE, {})
    assert {"LICENSE", "samconfig.toml", package.SUMS} < {path.name for path in dist.iterdir()}
    assert (dist / package.SUMS).read_text() != "earlier"
    assert list(tmp_path.iterdir()) == [dist]


def test_folder_that_is_no_package_is_not_replaced(tmp_path: Path) -> None:
    for replaceable in (tmp_path / "missing", tmp_path):
        package.check_replaceable(replaceable)
    (tmp_path / "file").write_text("of somebody")
    for other in (tmp_path, tmp_path / "file"):
        with pytest.raises(Failure, match="is no package"):
            package.check_replaceable(other)
    (tmp_path / package.SUMS).write_text("")
    package.check_replaceable(tmp_path)


def test_construct_is_packed_with_its_licence_and_leaves_no_file_behind(tmp_path: Path) -> None:
    before = set(construct.CDK.iterdir())
    packed = construct.pack(tmp_path)
    assert set(construct.CDK.iterdir()) == before
    assert packed.name == f"prosaas-webhooks-cdk-{version()}.tgz"
    with tarfile.open(packed) as content:
        assert {"package/LICENSE", "package/lib/webhooks.js"} < set(content.getnames())
    # What `npm pack` writes by hand does not make the next release differ from its commit.
    assert "*.tgz" in (environment.ROOT / ".gitignore").read_text().splitlines()


def version() -> str:
    """Give the workspace's version."""
    found = re.search(r'^version = "(.+)"$', (environment.ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def test_construct_has_the_version_of_the_workspace() -> None:
    own, locked = (json.loads((construct.CDK / f"{name}.json").read_text()) for name in ("package", "package-lock"))
    assert [own["version"], locked["version"], locked["packages"][""]["version"]] == [version()] * 3
    readme = (environment.ROOT / "README.md").read_text()
    assert set(re.findall(r"prosaas-webhooks-cdk-([\d.]+)\.tgz", readme)) == {version()}


@pytest.mark.parametrize("has_git", [True, False])
def test_reason_why_a_release_has_no_commit_is_told(
    has_git: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(release, "_TOOLS", {})
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    if has_git:
        (tmp_path / "git").write_text("#!/bin/sh\necho fatal: detected dubious ownership >&2\nexit 128\n")
        (tmp_path / "git").chmod(0o755)
    found = release.of_checkout()
    assert (found.commit, found.committed, found.is_of_a_commit) == ("unknown", None, False)
    reason = "fatal: detected dubious ownership" if has_git else "git is missing, which knows the commit."
    assert capsys.readouterr().err == f"{reason}\n"
