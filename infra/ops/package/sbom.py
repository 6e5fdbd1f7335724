"""The list of a package's components, as one CycloneDX document, from the lists that cargo-cyclonedx makes.

cargo-cyclonedx writes a list for each program into the program's folder, with the paths of this machine. This module
removes these files, joins the lists, and names this project's own crates without a path. These crates get no package
URL either: the public registry has other crates of the same names.

The list has every crate that cargo resolves for the programs, also the few of which nothing ends up in a program, and
the crates that are only run by the compiler as macros. It does not have Rust's standard library, whose version is that
of `rustc`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from infra.local import environment
from infra.local.building import TARGETS
from infra.local.processes import finish

from .release import Release

TOOL = environment.LOCAL / "bin" / "cargo-cyclonedx"
NAME = "prosaas-webhooks"
_SUFFIX = "_bin.cdx.json"

Json = dict[str, Any]


def listed(architecture: str) -> dict[str, Json]:
    """Give cargo-cyclonedx's list of each program, by the program's name."""
    argv = [str(TOOL), "cyclonedx", "--format=json", "--spec-version=1.5", "--describe=binaries", "--no-build-deps"]
    argv += [
        "--all-features",
        f"--target={TARGETS[architecture]}",
        f"--manifest-path={environment.ROOT / 'Cargo.toml'}",
    ]
    # With a time given, the tool gives no random serial number. `document` gives the time of the commit.
    env = environment.building() | {"SOURCE_DATE_EPOCH": "0"}
    try:
        finish(argv, env, environment.RUN / "sbom.log", environment.ROOT, "cargo-cyclonedx")
        return {path.name.removesuffix(_SUFFIX): json.loads(path.read_text()) for path in _written()}
    finally:
        for path in _written():
            path.unlink()


def document(release: Release, programs: Mapping[str, Mapping[str, tuple[str, Json]]]) -> Json:
    """Join lists into one document.

    `programs` has, by architecture and by the program's name, the program's SHA-256 and its list.
    """
    root = {"type": "application", "bom-ref": NAME, "name": NAME, "version": release.version}
    components: dict[str, Json] = {}
    dependencies: dict[str, set[str]] = {NAME: set()}
    for architecture, lists in programs.items():
        for name, (digest, made) in lists.items():
            reference = f"{name}-{architecture}"
            dependencies[NAME].add(reference)
            components[reference] = {
                "type": "application",
                "bom-ref": reference,
                "name": name,
                "version": release.version,
                "hashes": [{"alg": "SHA-256", "content": digest}],
                "licenses": [{"expression": "MIT"}],
                "properties": [{"name": "prosaas:architecture", "value": architecture}],
            }
            own = made["metadata"]["component"]["bom-ref"]
            for component in made["components"]:
                kept = _kept(component)
                components[kept["bom-ref"]] = kept
            for dependency in made["dependencies"]:
                of = reference if dependency["ref"] == own else _reference(dependency["ref"])
                dependencies.setdefault(of, set()).update(map(_reference, dependency.get("dependsOn", [])))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": _metadata(release, root, programs),
        "components": [components[reference] for reference in sorted(components)],
        "dependencies": [
            {"ref": reference, "dependsOn": sorted(dependencies[reference])} for reference in sorted(dependencies)
        ],
    }


def _metadata(release: Release, root: Json, programs: Mapping[str, Mapping[str, tuple[str, Json]]]) -> Json:
    tools = next(made for lists in programs.values() for _, made in lists.values())["metadata"]["tools"]
    about = {"commit": release.commit} | {f"built-with:{name}": version for name, version in release.tools.items()}
    metadata = {"tools": tools, "component": root | {"licenses": [{"expression": "MIT"}]}}
    metadata["properties"] = [{"name": f"prosaas:{name}", "value": value} for name, value in about.items()]
    return metadata | ({"timestamp": release.committed} if release.committed else {})


def _kept(component: Json) -> Json:
    kept = component | {"bom-ref": _reference(component["bom-ref"])}
    if kept["bom-ref"] != component["bom-ref"]:
        del kept["purl"]
    return kept


def _reference(reference: str) -> str:
    # path+file:///home/me/webhooks/shared/domain#0.1.0
    return re.sub(f"^path\\+file://{re.escape(os.fspath(environment.ROOT))}/", "", reference)


def _written() -> Iterable[Path]:
    return sorted(environment.ROOT.glob(f"*/*/*{_SUFFIX}"))
