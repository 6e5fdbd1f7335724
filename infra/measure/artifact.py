"""The deployed program: the size of its zip, and the oldest system that can run it.

The module reads the ELF file itself, so that no binutils are needed.
"""

import io
import re
import struct
import zipfile
from pathlib import Path

_SHT_GNU_VERNEED = 0x6FFFFFFE


def zip_bytes(folder: Path) -> int:
    """Give the size of the zip that SAM makes of a built function."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return len(packed.getvalue())


def newest_glibc(binary: Path) -> tuple[int, ...]:
    """Give the newest glibc version of which a 64-bit little-endian ELF file needs a symbol, such as (2, 34)."""
    elf = binary.read_bytes()
    if elf[:6] != b"\x7fELF\x02\x01":
        raise ValueError(f"{binary} is not a 64-bit little-endian ELF file")
    versions = {
        tuple(int(part) for part in match[1].split("."))
        for name in _needed_versions(elf)
        if (match := re.fullmatch(r"GLIBC_([0-9.]+)", name))
    }
    return max(versions)


def _needed_versions(elf: bytes) -> list[str]:
    # Section header table: its offset, then the size and number of its entries (ELF-64, "File header").
    [table] = struct.unpack_from("<Q", elf, 0x28)
    size, count = struct.unpack_from("<HH", elf, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, table + number * size) for number in range(count)]
    for _, kind, _, _, offset, _, link, entries, _, _ in sections:
        if kind == _SHT_GNU_VERNEED:
            return _version_names(elf, offset, entries, names=sections[link][4])
    return []


def _version_names(elf: bytes, offset: int, entries: int, names: int) -> list[str]:
    # Elfxx_Verneed: version, count, file, aux, next; Elfxx_Vernaux: hash, flags, other, name, next.
    found = []
    for _ in range(entries):
        _, count, _, aux, following = struct.unpack_from("<HHIII", elf, offset)
        at = offset + aux
        for _ in range(count):
            _, _, _, name, next_aux = struct.unpack_from("<IHHII", elf, at)
            start = names + name
            found.append(elf[start : elf.index(b"\0", start)].decode())
            at += next_aux
        offset += following
    return found
