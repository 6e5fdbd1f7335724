"""The licences of npm's packages, as the lock files name them. `make check` looks at those of the crates.

None of these packages is part of a release. n8n's packages have many licences, n8n's own among them: they run on this
machine for a trial, and this test leaves them out. PyPI's packages only run on this machine, and no test looks at their
licences.
"""

import json

from infra.local import environment

ALLOWED = {"MIT", "Apache-2.0", "BSD-3-Clause", "ISC", "BlueOak-1.0.0", "Unlicense", "(MIT OR GPL-3.0-or-later)"}


def test_every_package_of_a_lock_file_has_a_permissive_licence() -> None:
    files = [
        path
        for path in environment.ROOT.glob("infra/*/**/package-lock.json")
        if path.parent.name != "n8n" and "node_modules" not in path.parts
    ]
    assert len(files) == 3
    for path in files:
        packages = json.loads(path.read_text())["packages"]
        # The folder's own entry has no name.
        found = {name: one.get("license") for name, one in packages.items() if name}
        assert {name: licence for name, licence in found.items() if licence not in ALLOWED} == {}, path
