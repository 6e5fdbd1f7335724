"""Writes `src/parameters.ts`: the template's parameters as typed properties of the CDK construct.

The template is the one description of a parameter. `make format` writes the file anew, and with `--check` the command
fails if the file does not agree with the template, as `make check` does.

This module does not look at the limits of a number or at patterns, which a type cannot hold. The construct reads them
from the template itself.
"""

import argparse
import json
import textwrap

from infra.local import environment, template
from infra.local.processes import Failure, command

TEMPLATE = environment.ROOT / "infra" / "template.yaml"
WRITTEN = environment.ROOT / "infra" / "cdk" / "src" / "parameters.ts"
WIDTH = 115

_HEAD = """\
// Made from the parameters of infra/template.yaml by infra/cdk/parameters.py; `make format` makes it anew.

/**
 * The template's parameters. One that never had a property keeps the value that the deployed stack has, or else its
 * default. A property that is removed later gives its parameter the default again.
 */
export interface WebhooksParameters {
"""


def typescript(parameters: dict[str, template.Template]) -> str:
    """Give the TypeScript interface of the parameters."""
    return _HEAD + "\n\n".join(_property(name, one) for name, one in parameters.items()) + "\n}\n"


def _property(name: str, parameter: template.Template) -> str:
    paragraph = textwrap.wrap(parameter["Description"], WIDTH - len("   * "), break_on_hyphens=False)
    words = [*paragraph, "", f"@default {json.dumps(parameter['Default'])}"]
    documentation = "\n".join(["  /**", *(f"   * {line}".rstrip() for line in words), "   */"])
    return f"{documentation}\n  readonly {name[0].lower()}{name[1:]}?: {_type(parameter)};"


def _type(parameter: template.Template) -> str:
    if allowed := parameter.get("AllowedValues"):
        return " | ".join(json.dumps(value) for value in allowed)
    return {"String": "string", "Number": "number"}[parameter["Type"]]


def main() -> int:
    """Write the file, or compare it."""
    parser = argparse.ArgumentParser(prog="python -m infra.cdk.parameters", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the file and write nothing")
    wanted = typescript(template.read(TEMPLATE)["Parameters"])
    if not parser.parse_args().check:
        WRITTEN.write_text(wanted)
    elif WRITTEN.read_text() != wanted:
        raise Failure(f"{WRITTEN.relative_to(environment.ROOT)} is not what the template says: make format")
    return 0


if __name__ == "__main__":
    command(main)
