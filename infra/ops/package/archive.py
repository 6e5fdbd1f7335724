"""The zip of a function, with the same bytes for the same program.

The standard library's zlib compresses. Another version of zlib may give other bytes for the same program, which is why
the list of components has a hash of each program too.
"""

import zipfile
from pathlib import Path

_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip can express."""
_UNIX = 3
_EXECUTABLE = 0o100755


def pack(program: Path, target: Path) -> None:
    """Write a zip with the program under the name that Lambda starts."""
    entry = zipfile.ZipInfo("bootstrap", _EARLIEST)
    entry.create_system = _UNIX
    entry.external_attr = _EXECUTABLE << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr(entry, program.read_bytes(), compresslevel=9)
