"""The template of a package: that of the stack, whose functions are the zips beside it.

SAM uploads code by paths that are plain texts, so each architecture has a template of its own, which allows no other
architecture.
"""

import json
from pathlib import Path

import yaml

from infra.local.template import Template

from .release import Release

FUNCTION = "AWS::Serverless::Function"
METADATA = "ProSaaS::Webhooks::Release"
"""The key under which a deployed stack tells its release."""


def packaged(template: Template, architecture: str, release: Release) -> Template:
    """Give the template with the functions' zips and the release."""
    # The reader's own kinds of dictionary are no YAML.
    made: Template = json.loads(json.dumps(template))
    made["Metadata"][METADATA] = {"Version": release.version, "Commit": release.commit}
    made["Parameters"]["Architecture"] |= {
        "Description": "The architecture of the zips beside this template.",
        "Default": architecture,
        "AllowedValues": [architecture],
        "ConstraintDescription": f"must be {architecture}, since the zips beside this template are for {architecture}.",
    }
    for name, resource in functions(made).items():
        resource["Properties"]["CodeUri"] = archive_name(program(template, name), architecture)
        # `sam build` would look for the sources.
        del resource["Metadata"]
    return made


def functions(template: Template) -> dict[str, Template]:
    """Give the functions by their logical names."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == FUNCTION}


def program(template: Template, function: str) -> str:
    """Give the name of a function's program, as the template builds it."""
    return template["Resources"][function]["Metadata"]["BuildProperties"]["Binary"]


def archive_name(name: str, architecture: str) -> str:
    """Give the name of a program's zip."""
    return f"{name}-{architecture}.zip"


def write(template: Template, path: Path) -> None:
    """Write a template as YAML."""
    path.write_text(yaml.safe_dump(template, sort_keys=False, width=120, allow_unicode=True))
