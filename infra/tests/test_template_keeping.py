"""The template's protection of stored data: a deployment, its failure or the end of the stack loses none of it."""

import pytest

from .template import of_type, original, resources

TABLES = ("SettingsTable", "DeliveriesTable")
QUEUES = ("EventsQueue", "DeadLetterQueue")
SECRETS = ("InternalSecret", "PortalSecret")


def test_these_are_all_that_keep_anything() -> None:
    assert set(of_type("AWS::DynamoDB::Table")) == set(TABLES)
    assert set(of_type("AWS::SQS::Queue")) == set(QUEUES)
    assert set(of_type("AWS::SecretsManager::Secret")) == set(SECRETS)


@pytest.mark.parametrize("name", TABLES)
def test_table_is_protected_and_stays(name: str) -> None:
    table = resources()[name]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["DeletionProtectionEnabled"] is True


@pytest.mark.parametrize("name", [*QUEUES, *SECRETS])
def test_queue_or_secret_stays_unless_its_first_deployment_fails(name: str) -> None:
    kept = resources()[name]
    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


@pytest.mark.parametrize("name", TABLES)
def test_table_has_backups_of_as_many_days_as_are_asked_for(name: str) -> None:
    backups = resources()[name]["Properties"]["PointInTimeRecoverySpecification"]
    assert backups == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": {"Ref": "PointInTimeRecoveryDays"},
    }
    days = original()["Parameters"]["PointInTimeRecoveryDays"]
    assert (days["Type"], days["Default"], days["MinValue"], days["MaxValue"]) == ("Number", 7, 1, 35)


@pytest.mark.parametrize("name", TABLES)
def test_table_is_encrypted_with_the_key_that_costs_nothing(name: str) -> None:
    # SSEEnabled would choose alias/aws/dynamodb, of which each request to KMS is charged.
    assert "SSESpecification" not in resources()[name]["Properties"]


def test_deliver_may_recurse_and_nothing_else() -> None:
    loops = {
        name: function["Properties"].get("RecursiveLoop") for name, function in of_type("AWS::Lambda::Function").items()
    }
    assert loops == {"DeliverFunction": "Allow", "SweepFunction": None, "PortalFunction": None}


def test_no_function_reserves_concurrency() -> None:
    for name, function in of_type("AWS::Lambda::Function").items():
        assert "ReservedConcurrentExecutions" not in function["Properties"], name
