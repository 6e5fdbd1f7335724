"""The template as CloudFormation gets it, for the tests that read it."""

import copy
from functools import cache
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.local import environment
from infra.local.template import Template, read

ORIGINAL = environment.ROOT / "infra" / "template.yaml"
FUNCTIONS = ("DeliverFunction", "SweepFunction", "PortalFunction", "NotifyFunction")
"""Every function of the stack."""


def original() -> Template:
    """Give the template of the repository, before any transform."""
    return read(ORIGINAL)


@cache
def _transformed() -> Template:
    # AWS runs the same transform. The transform requires an uploaded zip of each function.
    template = original()
    for name in FUNCTIONS:
        template["Resources"][name]["Properties"]["CodeUri"] = "s3://bucket/key"
    region = boto3.session.Session(region_name=environment.REGION)
    return Translator({}, Parser(), boto_session=region).translate(template, parameter_values={})


def resources() -> dict[str, Any]:
    """Give the resources as CloudFormation gets them, after SAM's transform."""
    return copy.deepcopy(_transformed()["Resources"])


def of_type(kind: str) -> dict[str, Any]:
    """Give the resources of a type by their names."""
    return {name: resource for name, resource in resources().items() if resource["Type"] == kind}


def reference(value: object) -> str:
    """Give the name of the resource to which `!Ref` or `!GetAtt` refers."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return name
        case {"Fn::GetAtt": str(path)}:
            return path.partition(".")[0]
    raise AssertionError(f"{value} refers to no resource")
