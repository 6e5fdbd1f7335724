"""The README names every parameter, output and alarm of the template, and no parameter's default wrongly."""

import re

from infra.local import environment

from .template import of_type, original

README = (environment.ROOT / "README.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """Give the rest of each row of the table under a heading, by each name in its first cell."""
    [body] = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    found: dict[str, str] = {}
    for line in body.splitlines():
        first, _, rest = line.removeprefix("| ").partition(" | ")
        found |= dict.fromkeys(re.findall(r"`(\w+)`", first), rest)
    return found


def test_every_parameter_is_there_with_its_default() -> None:
    told, parameters = rows("parameter"), original()["Parameters"]
    assert set(told) == set(parameters)
    for name, parameter in parameters.items():
        default = str(parameter["Default"]) or "none"
        assert told[name].replace("`", "").startswith(default), name


def test_every_output_is_there() -> None:
    assert set(rows("output")) == set(original()["Outputs"])


def test_every_alarm_is_there() -> None:
    assert set(rows("alarm")) == set(of_type("AWS::CloudWatch::Alarm"))
