"""SECURITY.md names files and tests that exist, and says of each attack which test holds the defence."""

import re
from pathlib import Path

import pytest

from infra.local import environment

SECURITY = environment.ROOT / "SECURITY.md"
TABLE = re.compile(r"^\| attack[^|]*\| defence \| test \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")
NAME = re.compile(r"`(\w+)`")
PYTHON_TEST = r"^def (?=test_){name}\("
RUST_TEST = r"^ *#\[(?:tokio::)?test\b.*\]\n(?: *#\[.*\]\n)*(?: *//.*\n)* *(?:async )?fn {name}\("
TABLES = 8
"""One table for each kind of attacker, and one for others' code with the operator's own hand."""


def rows() -> list[tuple[str, str, str]]:
    """Give attack, defence and test of every row of every table of attacks."""
    found = []
    for body in TABLE.findall(SECURITY.read_text()):
        for line in body.splitlines():
            attack, defence, test = line.strip("|").split(" | ")
            found.append((attack.strip(), defence.strip(), test.strip()))
    return found


def named_tests(cell: str) -> list[tuple[str, list[str]]]:
    """Give each file that a cell links, with the names that follow the link."""
    _, *parts = LINK.split(cell)
    return [(path, NAME.findall(names)) for path, names in zip(parts[::2], parts[1::2], strict=True)]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_row_names_tests_that_exist_or_says_that_there_is_none(row: tuple[str, str, str]) -> None:
    _, _, cell = row
    named = named_tests(cell)
    assert named or "no test" in cell
    for path, names in named:
        assert names, f"{path} without the name of a test"
        content = (environment.ROOT / path).read_text()
        for name in names:
            test = PYTHON_TEST if path.endswith(".py") else RUST_TEST
            assert re.search(test.format(name=name), content, re.MULTILINE), f"{path} has no test {name}"


def test_every_table_of_attacks_is_read() -> None:
    text = SECURITY.read_text()
    attackers = text.partition("\n## Who attacks")[2].partition("\n## ")[0]
    assert len(TABLE.findall(text)) == attackers.count("\n### ") == TABLES


@pytest.mark.parametrize("document", ["SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_files_that_a_document_links_exist(document: str) -> None:
    links = {link.partition("#")[0] for link in LINK.findall((environment.ROOT / document).read_text())}
    # GitHub's own pages have no file.
    files = {link for link in links if link and not link.startswith(("https://", "../../"))}
    assert [file for file in files if not Path(environment.ROOT, file).exists()] == []
