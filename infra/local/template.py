"""Reading `infra/template.yaml`, as it is written or as SAM has built it, and the changes that MiniStack needs.

MiniStack refuses an alarm on metric math and a saved query of Logs Insights, and with them the whole deployment. It
also judges the permission to send mail by other resources than AWS, and without the sender's address. Only these alarms
and queries are left out of the template that MiniStack gets, the alarms also from the dashboard's list, and only this
permission is widened; a test compares the rest. AWS gets the whole template.

This module resolves no parameters or conditions, and does not validate: `make check` runs cfn-lint.
"""

import copy
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

Template = dict[str, Any]


def read(path: Path) -> Template:
    """Read a template, with `!Ref X` as `{"Ref": "X"}`."""
    return yaml_parse(path.read_text())


def write(template: Template, path: Path) -> None:
    """Write a template as JSON, which YAML readers read too. A process that reads the file meanwhile finds it whole."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(json.dumps(template, indent=1))
    new.replace(path)


def for_ministack(template: Template) -> Template:
    """Give the template without the resources that MiniStack refuses, with a permission to mail that it can judge."""
    kept = {name: resource for name, resource in template["Resources"].items() if not _is_refused(resource)}
    left_out = template["Resources"].keys() - kept.keys()
    for name, resource in kept.items():
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            kept[name] = _without_arns(resource, left_out)
        if resource["Type"] == "AWS::IAM::Role":
            kept[name] = _judgeable(resource)
    return template | {"Resources": kept}


def _judgeable(role: Template) -> Template:
    # MiniStack judges a mail as one on every resource, and knows no condition on its sender.
    role = copy.deepcopy(role)
    for policy in role["Properties"].get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Action"] == "ses:SendEmail":
                del statement["Condition"]
                statement["Resource"] = "*"
    return role


def _without_arns(dashboard: Template, left_out: Iterable[str]) -> Template:
    dashboard = copy.deepcopy(dashboard)
    body = dashboard["Properties"]["DashboardBody"]["Fn::Sub"]
    for name in left_out:
        body[0] = body[0].replace(f'"${{{name}.Arn}}",\n', "")
    return dashboard


def _is_refused(resource: Template) -> bool:
    if resource["Type"] == "AWS::CloudWatch::Alarm":
        return "Metrics" in resource["Properties"]
    return resource["Type"] == "AWS::Logs::QueryDefinition"
