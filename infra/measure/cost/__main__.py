"""Prints dollars for a million delivered events, or writes README's table of them."""

import argparse
import re
from pathlib import Path

from infra.local import environment
from infra.local.processes import Failure, command
from infra.local.template import read

from .choice import TEMPLATE, deployed
from .figures import read_figures
from .model import Model
from .prices import LIST, read_prices
from .tables import Report, readme, text

README = environment.ROOT / "README.md"
_PART = re.compile(r"(?<=<!-- make cost -->\n).*?(?=\n<!-- /make cost -->)", re.DOTALL)


def report(prices: Path = LIST) -> Report:
    """Give what the tables are made of: the measured figures, a list of prices and the template."""
    listed = read_prices(prices)
    return Report(Model(read_figures(), listed.prices), listed, read(TEMPLATE), deployed())


def with_table(document: str) -> str:
    """Give README with the table as it is now."""
    new, count = _PART.subn(lambda _: readme(report()), document)
    if count != 1:
        raise Failure("README.md has no place for the table of costs.")
    return new


def main() -> int:
    """Print the report, or write README's table."""
    parser = argparse.ArgumentParser(prog="python -m infra.measure.cost", description=__doc__)
    parser.add_argument("--prices", type=Path, default=LIST, help="a list in the form of prices.json")
    parser.add_argument("--readme", action="store_true", help="write README's table and print nothing")
    arguments = parser.parse_args()
    if arguments.readme:
        README.write_text(with_table(README.read_text()))
    else:
        print(text(report(arguments.prices)))
    return 0


if __name__ == "__main__":
    command(main)
