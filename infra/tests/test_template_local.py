"""MiniStack gets the template of AWS, without the resources that it refuses, and with a wider permission to mail."""

import json
import re
from typing import Any

from infra.local.building import BUILT_TEMPLATE
from infra.local.stack import DEPLOYED_TEMPLATE, Stack
from infra.local.template import Template, read

from .template import original

LEFT_OUT = {"DeadLettersGrowingAlarm", "SweepStoppedAlarm"}
"""The alarms on metric math, which MiniStack refuses."""

SAVED_QUERIES = {"OneCallQuery", "WorstEndpointsQuery", "CausesQuery", "OurFaultsQuery"}
"""MiniStack has no saved queries."""


def test_ministack_gets_the_template_without_what_it_refuses_and_without_the_condition_on_a_sender(
    stack: Stack,
) -> None:
    assert stack.outputs
    built, deployed = read(BUILT_TEMPLATE), read(DEPLOYED_TEMPLATE)
    mailing = [_mailing(template) for template in (built, deployed)]
    assert mailing[1] == {"Sid": "MailOwners", "Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"}
    mailing[1] |= {name: mailing[0][name] for name in ("Resource", "Condition")}
    bodies = [
        template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"] for template in (built, deployed)
    ]
    without, removed = re.subn(rf'"\$\{{({"|".join(LEFT_OUT)})\.Arn\}}",\n *', "", bodies[0][0])
    assert removed == len(LEFT_OUT)
    assert re.sub(r"\n *", "\n", bodies[1][0]) == re.sub(r"\n *", "\n", without)
    bodies[1][0] = bodies[0][0]
    left_out = {name: built["Resources"][name] for name in LEFT_OUT | SAVED_QUERIES}
    assert all(left_out[name]["Properties"]["Metrics"] for name in LEFT_OUT)
    assert {left_out[name]["Type"] for name in SAVED_QUERIES} == {"AWS::Logs::QueryDefinition"}
    assert deployed | {"Resources": deployed["Resources"] | left_out} == built


def _mailing(template: Template) -> dict[str, Any]:
    [policy] = template["Resources"]["NotifyRole"]["Properties"]["Policies"]
    [mailing] = [one for one in policy["PolicyDocument"]["Statement"] if one["Action"] == "ses:SendEmail"]
    return mailing


def test_built_template_is_the_template_with_built_code(stack: Stack) -> None:
    assert stack.outputs
    built, written = read(BUILT_TEMPLATE)["Resources"], original()["Resources"]
    assert built["DeliverFunction"]["Properties"]["RecursiveLoop"] == "Allow"
    # SAM replaces the sources by the folder of the build, and adds the logical names as metadata.
    for resources in (built, written):
        for resource in resources.values():
            resource.get("Properties", {}).pop("CodeUri", None)
            resource.pop("Metadata", None)
    assert built == written


def test_every_alarm_exists_without_an_address_for_mail(stack: Stack) -> None:
    pages = stack.client("cloudwatch").get_paginator("describe_alarms").paginate()
    deployed = [alarm for page in pages for alarm in page["MetricAlarms"]]
    expected = {
        name
        for name, resource in original()["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Condition" not in resource and name not in LEFT_OUT
    }
    assert len(expected) > 10
    assert {name for name in expected if any(name in alarm["AlarmName"] for alarm in deployed)} == expected
    for alarm in deployed:
        assert alarm["AlarmActions"] == [stack.outputs["AlarmTopicArn"]]


def test_dashboard_is_deployed_under_the_name_of_its_output(stack: Stack) -> None:
    dashboard = stack.client("cloudwatch").get_dashboard(DashboardName=stack.outputs["DashboardName"])
    widgets = json.loads(dashboard["DashboardBody"])["widgets"]
    functions = {
        metric[3] for widget in widgets for metric in widget["properties"].get("metrics", []) if len(metric) > 3
    }
    assert stack.outputs["DeliverFunctionName"] in functions


def test_tables_are_protected_from_deletion(stack: Stack) -> None:
    dynamodb = stack.client("dynamodb")
    for output in ("SettingsTableName", "DeliveriesTableName"):
        described = dynamodb.describe_table(TableName=stack.outputs[output])
        assert described["Table"]["DeletionProtectionEnabled"] is True
