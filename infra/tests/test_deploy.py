"""`make deploy` after the build, run as its command against MiniStack: nothing changes when it refuses a deployment.

The template is a small one of the same kinds of resources, so that nothing has to be built. Only MiniStack decides here
which changes replace a table; `test_deploy_judgement` has CloudFormation's other answers.
"""

import copy
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local import environment
from infra.local.ministack import ministack
from infra.local.processes import until

from .conftest import LOGS

SECONDS = 120
KEEPING = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
QUEUE: dict[str, Any] = {"Type": "AWS::SQS::Queue", **KEEPING}
TEMPLATE: dict[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Parameters": {"MaximumConcurrency": {"Type": "Number", "Default": 2}},
    "Resources": {
        "SettingsTable": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "DeletionProtectionEnabled": True,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "business_id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "business_id", "KeyType": "HASH"}],
            },
        },
        "EventsQueue": QUEUE,
        "PortalSecret": {"Type": "AWS::SecretsManager::Secret", **KEEPING, "Properties": {"SecretString": "secret"}},
        "AlarmTopic": {"Type": "AWS::SNS::Topic"},
    },
    "Outputs": {
        "SettingsTableName": {"Value": {"Ref": "SettingsTable"}},
        "AlarmTopicArn": {"Value": {"Ref": "AlarmTopic"}},
    },
}
REFUSED_BY_MINISTACK = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}}
"""An alarm without its threshold, which CloudFormation refuses."""


@dataclass(frozen=True)
class Account:
    """An account on MiniStack, and the command that deploys to it."""

    endpoint: str
    folder: Path

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Make a client."""
        session = boto3.session.Session("test", "test", region_name=environment.REGION)
        return session.client(service, endpoint_url=self.endpoint, config=Config(proxies={}))

    def deploy(
        self, stack: str, template: dict[str, Any], *parameters: str, yes: str = "", typed: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command, with a terminal if the test types an answer."""
        path = self.folder / f"{stack}.json"
        path.write_text(json.dumps(template))
        argv = [sys.executable, "-m", "infra.ops.deploy", "--stack", stack, "--template", str(path), *parameters]
        env = environment.using(self.endpoint) | {"YES": yes, "PYTHONDONTWRITEBYTECODE": "1"}
        keyboard, terminal = pty.openpty()
        try:
            if typed is not None:
                os.write(keyboard, f"{typed}\n".encode())
            return subprocess.run(
                argv,
                cwd=environment.ROOT,
                env=env,
                stdin=subprocess.DEVNULL if typed is None else terminal,
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        finally:
            os.close(keyboard)
            os.close(terminal)

    def state(self, stack: str) -> dict[str, Any]:
        """Give the state of a stack, and whether it has a change set that could be executed."""
        cloudformation = self.client("cloudformation")
        resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        sets = cloudformation.list_change_sets(StackName=stack)["Summaries"]
        return {
            "resources": {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources},
            "tables": self.client("dynamodb").list_tables()["TableNames"],
            "waiting": [one["ChangeSetName"] for one in sets if one["ExecutionStatus"] == "AVAILABLE"],
        }


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Give an account."""
    with ministack(None, LOGS / "deploy" / "ministack.log") as running:
        yield Account(running.endpoint, tmp_path_factory.mktemp("deploy"))


@pytest.fixture(scope="module")
def deployed(account: Account) -> str:
    """Give the name of a stack that is deployed as `TEMPLATE` says."""
    done = account.deploy("deployed", TEMPLATE)
    assert done.returncode == 0, done.stderr
    assert "+ Add   SettingsTable" in done.stdout
    assert "create_complete: SettingsTable" in done.stdout
    [table] = [name for name in account.state("deployed")["tables"] if "SettingsTable" in name]
    assert f"SettingsTableName      {table}" in done.stdout
    assert "Warning: nobody receives the alarms." in done.stdout
    return "deployed"


def changed(*without: str, **resources: dict[str, Any]) -> dict[str, Any]:
    """Give the template without some resources and with others."""
    template = copy.deepcopy(TEMPLATE)
    template["Resources"] = {
        name: one for name, one in template["Resources"].items() if name not in without
    } | resources
    template["Outputs"].pop("SettingsTableName")
    return template


def with_key(name: str) -> dict[str, Any]:
    """Give the template with a table of the same logical name and another key, which replaces the table."""
    template = copy.deepcopy(TEMPLATE)
    properties = template["Resources"]["SettingsTable"]["Properties"]
    properties["AttributeDefinitions"] = [{"AttributeName": name, "AttributeType": "S"}]
    properties["KeySchema"] = [{"AttributeName": name, "KeyType": "HASH"}]
    return template


def test_removal_of_a_queue_is_refused_before_anything_is_changed(account: Account, deployed: str) -> None:
    before = account.state(deployed)
    # A renamed queue is a removed queue. The harmless change beside it must not be made either.
    template = changed(
        "SettingsTable", "EventsQueue", "PortalSecret", CallsQueue=QUEUE, Topic={"Type": "AWS::SNS::Topic"}
    )
    refused = account.deploy(deployed, template, yes="SettingsTable EventsQueue PortalSecret")
    assert refused.returncode == 1
    assert "+ Add     Topic" in refused.stdout
    for name, kind in (("SettingsTable", "table"), ("EventsQueue", "queue"), ("PortalSecret", "secret")):
        assert f"- Remove  {name}" in refused.stdout
        assert f"{name}, a {kind}, would be removed" in refused.stderr
    assert account.state(deployed) == before


def test_replacement_of_a_table_is_refused(account: Account, deployed: str) -> None:
    before = account.state(deployed)
    refused = account.deploy(deployed, changed(EventsQueue=QUEUE | {"Properties": {"FifoQueue": True}}))
    assert refused.returncode == 1
    assert "EventsQueue, a queue, would be replaced by an empty one (because of FifoQueue)" in refused.stderr
    assert account.state(deployed) == before


def test_table_with_another_key_is_asked_about(account: Account, deployed: str) -> None:
    before = account.state(deployed)
    for refused in (
        account.deploy(deployed, with_key("tenant"), yes="EventsQueue"),
        account.deploy(deployed, with_key("tenant"), typed="yes"),
    ):
        assert refused.returncode == 1, refused.stdout
        assert "~ Modify  SettingsTable" in refused.stdout
        assert "Nothing was changed" in refused.stderr
        assert account.state(deployed) == before


def test_answer_with_the_resources_name_allows_the_replacement(account: Account) -> None:
    assert account.deploy("answered", TEMPLATE).returncode == 0
    for done in (
        account.deploy("answered", with_key("tenant"), typed="SettingsTable"),
        account.deploy("answered", with_key("shop"), yes="PortalSecret,SettingsTable"),
    ):
        assert done.returncode == 0, done.stderr
        assert "update_complete: answered" in done.stdout


def test_nothing_to_change_is_success(account: Account, deployed: str) -> None:
    again = account.deploy(deployed, TEMPLATE)
    assert again.returncode == 0, again.stderr
    assert again.stdout == f"{deployed} is up to date: nothing to change.\n"
    assert account.state(deployed)["waiting"] == []


def test_change_without_a_loss_is_deployed_without_a_question_and_keeps_its_parameters(account: Account) -> None:
    assert account.deploy("harmless", TEMPLATE, "MaximumConcurrency=3").returncode == 0
    sns, sqs = account.client("sns"), account.client("sqs")
    [topic] = [one["TopicArn"] for one in sns.list_topics()["Topics"] if ":harmless-" in one["TopicArn"]]
    url = sqs.create_queue(QueueName="pager")["QueueUrl"]
    pager = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=pager)
    done = account.deploy("harmless", changed(EventsQueue=QUEUE | {"Properties": {"VisibilityTimeout": 360}}))
    assert done.returncode == 0, done.stderr
    assert "nobody receives" not in done.stdout
    [described] = account.client("cloudformation").describe_stacks(StackName="harmless")["Stacks"]
    assert described["Parameters"] == [{"ParameterKey": "MaximumConcurrency", "ParameterValue": "3"}]


def test_account_with_too_little_concurrency_is_refused(account: Account, deployed: str) -> None:
    before = account.state(deployed)
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    most = limits["UnreservedConcurrentExecutions"]
    refused = account.deploy(deployed, TEMPLATE, f"MaximumConcurrency={most + 1}")
    assert refused.returncode == 1
    assert f"at most {most} invocations" in refused.stderr
    assert account.state(deployed) == before
    warned = account.deploy(deployed, TEMPLATE, f"MaximumConcurrency={most - 19}")
    assert warned.returncode == 0, warned.stderr
    assert warned.stdout.startswith(f"Warning: This account runs at most {most} ")


def test_failed_first_deployment_names_the_retained_table(account: Account) -> None:
    stack, dynamodb = "failed", account.client("dynamodb")
    alarm = REFUSED_BY_MINISTACK | {"DependsOn": ["SettingsTable", "EventsQueue"]}
    failed = account.deploy(stack, changed(Alarm=alarm))
    assert failed.returncode == 1
    assert "Alarm: " in failed.stderr, "the reason is printed"
    assert f"The first deployment of {stack} failed, " in failed.stderr
    [table] = [name for name in dynamodb.list_tables()["TableNames"] if name.startswith(f"{stack}-SettingsTable")]
    commands = [line.strip() for line in failed.stderr.splitlines() if line.startswith("  aws ")]
    assert commands == [
        f"aws dynamodb update-table --table-name {table} --no-deletion-protection-enabled",
        f"aws dynamodb delete-table --table-name {table}",
        f"aws cloudformation delete-stack --stack-name {stack}",
    ]

    # The next run says so before an upload, and does not offer to delete a table that is not empty.
    dynamodb.put_item(TableName=table, Item={"business_id": {"S": "b"}})
    again = account.deploy(stack, TEMPLATE)
    assert again.returncode == 1
    assert f"{table} is NOT empty" in again.stderr
    assert "delete-table" not in again.stderr

    # As the printed commands do.
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=table)
    refused = account.deploy(stack, TEMPLATE)
    assert refused.returncode == 1
    assert table not in refused.stderr
    account.client("cloudformation").delete_stack(StackName=stack)
    done = account.deploy(stack, TEMPLATE)
    assert done.returncode == 0, done.stderr


def test_stack_whose_deletion_failed_is_described_as_such(account: Account) -> None:
    stack, cloudformation = "undeleted", account.client("cloudformation")
    network = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}
    assert account.deploy(stack, changed(Network=network)).returncode == 0
    resources = account.state(stack)["resources"]
    table = resources["SettingsTable"]
    account.client("dynamodb").put_item(TableName=table, Item={"business_id": {"S": "b"}})
    # A resource outside the stack keeps the network from being deleted.
    account.client("ec2").create_subnet(VpcId=resources["Network"], CidrBlock="10.0.0.0/24")
    cloudformation.delete_stack(StackName=stack)

    def has_failed() -> bool:
        [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return described["StackStatus"] == "DELETE_FAILED"

    until(has_failed, SECONDS, "a deletion that has failed")
    refused = account.deploy(stack, TEMPLATE)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"The deletion of {stack} failed, ")
    assert "first deployment" not in refused.stderr
    assert f"{table} is NOT empty" in refused.stderr
    assert "delete-table" not in refused.stderr
    assert f"aws cloudformation delete-stack --stack-name {stack}" in refused.stderr


def test_refusal_of_aws_is_one_line(account: Account) -> None:
    template = account.folder / "template.json"
    template.write_text(json.dumps(TEMPLATE))
    argv = [sys.executable, "-m", "infra.ops.deploy", "--template", str(template)]
    env = environment.using("http://127.0.0.1:9") | {"AWS_MAX_ATTEMPTS": "1"}
    ended = subprocess.run(
        argv, cwd=environment.ROOT, env=env, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("AWS refused: ")
    assert ended.stderr.count("\n") == 1


def test_make_deploy_builds_and_then_runs_the_command() -> None:
    argv = ["make", "--dry-run", "deploy", "ARCHITECTURE=x86_64", "PARAMETERS=AlarmEmail=a@b.example LogLevel=WARN"]
    shown = subprocess.run(argv, cwd=environment.ROOT, capture_output=True, text=True, check=True, timeout=SECONDS)
    expected = "Architecture=x86_64 AlarmEmail=a@b.example LogLevel=WARN"
    build, deploy = (line for line in shown.stdout.splitlines() if "Architecture=x86_64" in line)
    assert " build " in build
    assert build.endswith(expected)
    assert deploy.split()[1:] == ["-m", "infra.ops.deploy", *expected.split()]
    assert " deploy " not in shown.stdout, "`sam deploy` would execute the change set itself"
    named = subprocess.run([*argv, "STACK=shop"], cwd=environment.ROOT, capture_output=True, text=True, check=True)
    assert "-m infra.ops.deploy --stack shop Architecture=" in named.stdout
