"""The template's protection of stored data: no deployment, failed deployment or deletion of the stack loses data."""

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
