"""The template's protection of stored data: no deployment, failed deployment or deletion of the stack loses data."""

from typing import Any

import pytest

from .template import of_type, original, resources

TABLES = ("SettingsTable", "DeliveriesTable")
QUEUES = ("EventsQueue", "DeadLetterQueue")
SECRETS = ("InternalSecret", "PortalSecret")


def test_tables_queues_and_secrets_are_the_only_resources_with_content() -> None:
    assert set(of_type("AWS::DynamoDB::Table")) == set(TABLES)
    assert set(of_type("AWS::SQS::Queue")) == set(QUEUES)
    assert set(of_type("AWS::SecretsManager::Secret")) == set(SECRETS)


@pytest.mark.parametrize("name", TABLES)
def test_table_is_protected_from_deletion_and_retained(name: str) -> None:
    table = resources()[name]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("name", [*QUEUES, *SECRETS])
def test_queue_or_secret_is_retained_unless_its_first_deployment_fails(name: str) -> None:
    kept = resources()[name]
    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


@pytest.mark.parametrize("name", TABLES)
def test_table_has_backups_for_the_days_of_the_parameter(name: str) -> None:
    backups = resources()[name]["Properties"]["PointInTimeRecoverySpecification"]
    assert backups == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": {"Ref": "PointInTimeRecoveryDays"},
    }
    days = original()["Parameters"]["PointInTimeRecoveryDays"]
    assert (days["Type"], days["Default"], days["MinValue"], days["MaxValue"]) == ("Number", 7, 1, 35)


@pytest.mark.parametrize("name", TABLES)
def test_table_is_encrypted_with_the_key_of_dynamodb(name: str) -> None:
    # SSEEnabled would choose the key alias/aws/dynamodb, and each request to KMS costs money.
    assert "SSESpecification" not in resources()[name]["Properties"]


def test_deliver_may_recurse_and_nothing_else() -> None:
    loops = {
        name: function["Properties"].get("RecursiveLoop") for name, function in of_type("AWS::Lambda::Function").items()
    }
    assert loops == {"DeliverFunction": "Allow", "SweepFunction": None, "PortalFunction": None, "NotifyFunction": None}


def test_no_function_reserves_concurrency() -> None:
    for name, function in of_type("AWS::Lambda::Function").items():
        assert "ReservedConcurrentExecutions" not in function["Properties"], name


BY_TIME = {
    "attempts", "cause", "clue", "created_at", "delivered_at", "event_type", "format", "next_attempt_at",
    "phone_last_digits", "refusal", "status", "status_code", "subject", "title", "updated_at",
}  # fmt: skip


def test_keys_and_local_indexes_of_the_deliveries_are_as_they_were_at_the_first_deployment() -> None:
    # CloudFormation would replace the table to change any of them.
    table = resources()["DeliveriesTable"]["Properties"]
    assert keys(table) == ["business_id", "event_id"]
    indexes = {index["IndexName"]: index for index in table["LocalSecondaryIndexes"]}
    assert {name: keys(index) for name, index in indexes.items()} == {
        "by_time": ["business_id", "occurred"],
        "held": ["business_id", "held"],
    }
    by_time = indexes["by_time"]["Projection"]
    assert (by_time["ProjectionType"], set(by_time["NonKeyAttributes"])) == ("INCLUDE", BY_TIME)
    assert indexes["held"]["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert "GlobalSecondaryIndexes" not in table


def test_keys_of_the_settings_and_their_index_are_as_they_were_at_the_first_deployment() -> None:
    table = resources()["SettingsTable"]["Properties"]
    assert keys(table) == ["business_id"]
    [overdue] = table["GlobalSecondaryIndexes"]
    assert (overdue["IndexName"], keys(overdue)) == ("overdue", ["unwell", "due_at"])
    assert overdue["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def keys(of: dict[str, Any]) -> list[str]:
    """Give the names of the keys of a table or an index."""
    return [key["AttributeName"] for key in of["KeySchema"]]


def test_sweep_runs_every_five_minutes_and_a_failed_run_is_not_repeated() -> None:
    [rule] = of_type("AWS::Events::Rule").values()
    assert rule["Properties"]["ScheduleExpression"] == "rate(5 minutes)"
    [target] = rule["Properties"]["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["SweepFunction", "Arn"]}
    assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0
    configs = [config["Properties"] for config in of_type("AWS::Lambda::EventInvokeConfig").values()]
    [invocation] = [config for config in configs if config["FunctionName"] == {"Ref": "SweepFunction"}]
    assert invocation["MaximumRetryAttempts"] == 0
