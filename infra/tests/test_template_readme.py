"""The README names every parameter with its default, every output and every alarm of the template."""

import re

from infra.local import environment

from .template import of_type, original

README = (environment.ROOT / "README.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """Give the other cells of each row of the table under a heading, by each name in the row's first cell."""
    [body] = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    found: dict[str, str] = {}
    for line in body.splitlines():
        first, _, rest = line.removeprefix("| ").partition(" | ")
        found |= dict.fromkeys(re.findall(r"`(\w+)`", first), rest)
    return found


def test_readme_has_every_parameter_with_its_default() -> None:
    defaults, parameters = rows("parameter"), original()["Parameters"]
    assert set(defaults) == set(parameters)
    for name, parameter in parameters.items():
        default = str(parameter["Default"]) or "none"
        assert defaults[name].replace("`", "").startswith(default), name


def test_readme_has_every_output() -> None:
    assert set(rows("output")) == set(original()["Outputs"])


def test_readme_has_every_alarm() -> None:
    assert set(rows("alarm")) == set(of_type("AWS::CloudWatch::Alarm"))
