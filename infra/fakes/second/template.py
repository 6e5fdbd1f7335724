"""The built template as SAM makes CloudFormation of it, and the values of its references.

The tables, queues and environment variables of the second opinion are those of the template, never a copy of them.
SAM's own translator does the transformation, so a property that the translator does not pass on is missing here too.
"""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from infra.local import environment

_CODE_URI = "s3://bucket/key"
"""SAM takes code from S3 only. Nothing here reads the address."""

Names = dict[str, dict[str, str]]
"""The values of references, by a resource's logical id, then under `Ref` and under each attribute's name."""


class Template:
    """A template with the values of its parameters."""

    def __init__(self, path: Path, parameters: dict[str, str]) -> None:
        read = yaml_parse(path.read_text())
        for resource in read["Resources"].values():
            if "CodeUri" in resource.get("Properties", {}):
                resource["Properties"]["CodeUri"] = _CODE_URI
        defaults = {name: str(parameter.get("Default", "")) for name, parameter in read["Parameters"].items()}
        if unknown := parameters.keys() - defaults:
            raise ValueError(f"the template has no parameter {', '.join(unknown)}")
        self.parameters = defaults | parameters
        self._read = read

    @cached_property
    def _transformed(self) -> dict[str, Any]:
        session = boto3.session.Session(region_name=environment.REGION)
        translator = Translator({}, Parser(), boto_session=session)
        # As plain JSON, since SAM's strings are of a type of its own.
        return json.loads(json.dumps(translator.translate(self._read, parameter_values=dict(self.parameters))))

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Give the properties of every resource of a kind, by logical id, with references still in them."""
        found = self._transformed["Resources"].items()
        return {name: resource.get("Properties", {}) for name, resource in found if resource["Type"] == kind}

    def outputs(self, names: Names) -> dict[str, str]:
        """Give the outputs whose references are all among these names."""
        found = {}
        for name, output in self._transformed["Outputs"].items():
            with suppress(KeyError):
                found[name] = self.resolve(output["Value"], names)
        return found

    def resolve(self, value: Any, names: Names) -> Any:  # noqa: ANN401 - any value of a template
        """Replace each reference by its value, at every depth.

        A reference to neither a parameter nor one of the names is a KeyError.
        """
        if isinstance(value, list):
            return [self.resolve(part, names) for part in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"Ref"}:
            return self._named(value["Ref"], names)
        if value.keys() == {"Fn::GetAtt"}:
            resource, attribute = value["Fn::GetAtt"]
            return names[resource][attribute]
        if value.keys() == {"Fn::Sub"}:
            return re.sub(r"\$\{([^}]+)\}", self._substitute(names), value["Fn::Sub"])
        return {name: self.resolve(part, names) for name, part in value.items()}

    def _named(self, name: str, names: Names) -> str:
        return self.parameters[name] if name in self.parameters else names[name]["Ref"]

    def _substitute(self, names: Names) -> Callable[[re.Match[str]], str]:
        def of(match: re.Match[str]) -> str:
            name, _, attribute = match[1].partition(".")
            return names[name][attribute] if attribute else self._named(name, names)

        return of
