"""The refusals, questions and warnings of `make deploy`, from given answers of CloudFormation and Lambda."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.local import environment
from infra.local.processes import Failure
from infra.ops.deploy import capacity, change_set, progress
from infra.ops.deploy.capacity import Room
from infra.ops.deploy.changes import Change, Loss, refuse_losses, table

TABLE = "AWS::DynamoDB::Table"
QUEUE = "AWS::SQS::Queue"
SECRET = "AWS::SecretsManager::Secret"
FUNCTION = "AWS::Lambda::Function"
STACK_ID = f"arn:aws:cloudformation:{environment.REGION}:{environment.ACCOUNT}:stack/s/1"
NOBODY: frozenset[str] = frozenset()


def resource_change(action: str, name: str, kind: str, **further: Any) -> dict[str, Any]:  # noqa: ANN401
    """Write a change as DescribeChangeSet gives it."""
    change = {"Action": action, "LogicalResourceId": name, "ResourceType": kind}
    return {"Type": "Resource", "ResourceChange": change | further}


def one(action: str, kind: str, replacement: str | None = None, policy: str | None = None) -> Change:
    """Make a change of a resource named Kept."""
    return Change(action, "Kept", kind, replacement, policy)


@pytest.mark.parametrize("kind", [TABLE, QUEUE, SECRET])
@pytest.mark.parametrize(
    ("action", "replacement", "policy", "loss"),
    [
        ("Add", None, None, Loss.NONE),
        ("Import", None, None, Loss.NONE),
        ("Modify", "False", None, Loss.NONE),
        # The stack no longer has the resource, whether it is retained or not.
        ("Remove", None, "Retain", Loss.CERTAIN),
        ("Remove", None, "Delete", Loss.CERTAIN),
        ("Remove", None, None, Loss.CERTAIN),
        ("Modify", "True", "ReplaceAndRetain", Loss.CERTAIN),
        ("Modify", "True", None, Loss.CERTAIN),
        ("Modify", None, "ReplaceAndDelete", Loss.CERTAIN),
        ("Modify", "Conditional", None, Loss.POSSIBLE),
        ("Modify", "Conditional", "ReplaceAndRetain", Loss.POSSIBLE),
        ("Modify", None, None, Loss.POSSIBLE),
        ("Dynamic", None, None, Loss.POSSIBLE),
        ("SomethingNew", "False", None, Loss.POSSIBLE),
    ],
)
def test_loss_by_each_kind_of_change(
    kind: str, action: str, replacement: str | None, policy: str | None, loss: Loss
) -> None:
    assert one(action, kind, replacement, policy).loss is loss


@pytest.mark.parametrize("action", ["Remove", "Modify", "Dynamic"])
def test_resource_without_content_may_be_replaced(action: str) -> None:
    assert one(action, FUNCTION, "True").loss is Loss.NONE


def test_certain_loss_is_refused_whatever_is_answered() -> None:
    for change in (one("Remove", QUEUE), one("Modify", TABLE, "True")):
        with pytest.raises(Failure, match=r"Kept, a (queue|table), would be (removed|replaced)"):
            refuse_losses([change], frozenset({"Kept"}), lambda _: "Kept")


def answer(text: str) -> Callable[[str], str]:
    """Give a function that answers every question with this text."""
    return lambda _: text


def test_possible_loss_is_asked_about_by_name() -> None:
    change = one("Modify", TABLE, "Conditional")
    refuse_losses([change], frozenset({"Kept"}), None)
    refuse_losses([change], NOBODY, answer("Kept\n"))
    with pytest.raises(Failure, match="YES=Kept"):
        refuse_losses([change], NOBODY, None)
    with pytest.raises(Failure, match="YES=Kept"):
        refuse_losses([change], frozenset({"Another"}), None)
    for word in ("", "y", "yes", "kept"):
        with pytest.raises(Failure, match="Nothing was changed"):
            refuse_losses([change], NOBODY, answer(word))


def test_harmless_changes_need_no_answer() -> None:
    refuse_losses([one("Modify", TABLE, "False"), one("Add", QUEUE), one("Remove", FUNCTION)], NOBODY, None)


def test_changes_are_shown_one_a_line() -> None:
    shown = table([one("Remove", TABLE), Change("Add", "LongerName", QUEUE)])
    header, first, second = shown.splitlines()
    assert header.split() == ["Change", "Resource", "Type", "Replaced"]
    assert first.split()[:4] == ["+", "Add", "LongerName", QUEUE]
    assert second.split()[:4] == ["-", "Remove", "Kept", TABLE]
    assert "would lose" in second
    assert "lose" not in first


def test_property_that_replaces_is_named() -> None:
    always, never = (
        {"Target": {"Name": "KeySchema", "RequiresRecreation": "Always"}},
        {"Target": {"Name": "BillingMode", "RequiresRecreation": "Never"}},
    )
    described = resource_change("Modify", "Kept", TABLE, Replacement="True", Details=[always, never])
    assert "KeySchema" in Change.read(described["ResourceChange"]).describe("would be")
    assert "BillingMode" not in Change.read(described["ResourceChange"]).describe("would be")


def cloudformation() -> tuple[Any, Stubber]:
    """Make a client that gives these answers."""
    client = boto3.client(
        "cloudformation", region_name=environment.REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    return client, Stubber(client)


def test_change_set_is_read_to_its_end() -> None:
    client, stub = cloudformation()
    first = [resource_change("Add", f"Added{number}", FUNCTION) for number in range(100)]
    name = {"ChangeSetName": "c"}
    stub.add_response("describe_change_set", {"Changes": first, "NextToken": "more"}, name)
    last = [resource_change("Remove", "SettingsTable", TABLE, PolicyAction="Retain")]
    stub.add_response("describe_change_set", {"Changes": last}, name | {"NextToken": "more"})
    with stub:
        changes = change_set.changes(client, "c")
    assert len(changes) == 101
    with pytest.raises(Failure, match="SettingsTable"):
        refuse_losses(changes, NOBODY, None)


def event(number: int, status: str, **further: str) -> dict[str, Any]:
    """Write an event of the stack as DescribeStackEvents gives it."""
    return {
        "StackId": STACK_ID,
        "EventId": str(number),
        "LogicalResourceId": "s",
        "PhysicalResourceId": STACK_ID,
        "ResourceType": progress.STACK,
        "ResourceStatus": status,
    } | further


class Following:
    """A CloudFormation that gives two events a page, and more events at each call."""

    def __init__(self, *calls: list[dict[str, Any]]) -> None:
        self.executed = 0
        self._asked = list(calls)

    def execute_change_set(self, **_asked: object) -> None:
        """Begin the deployment."""
        self.executed += 1

    def get_paginator(self, _operation: str) -> "Following":
        """Give the pages of events."""
        return self

    def paginate(self, **_asked: object) -> list[dict[str, Any]]:
        """Give the events so far, the newest first."""
        now = self._asked.pop(0)[::-1]
        return [{"StackEvents": now[first : first + 2]} for first in range(0, len(now), 2)]


def test_deployment_is_followed_to_its_own_end(capsys: pytest.CaptureFixture[str]) -> None:
    table = {"LogicalResourceId": "Table", "PhysicalResourceId": "t", "ResourceType": TABLE}
    events = [
        event(0, "CREATE_COMPLETE"),
        event(1, "UPDATE_COMPLETE"),
        event(2, "UPDATE_COMPLETE"),
        event(3, "UPDATE_IN_PROGRESS"),
        event(4, "UPDATE_IN_PROGRESS", **table),
        event(5, "UPDATE_FAILED", ResourceStatusReason="no such key", **table),
        event(6, "UPDATE_ROLLBACK_IN_PROGRESS"),
        event(7, "UPDATE_COMPLETE", **table),
        event(8, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        event(9, "UPDATE_ROLLBACK_COMPLETE"),
    ]
    # Before the execution, and then at each poll.
    client = Following(*(events[:count] for count in (3, 3, 4, 8, 9, 10)))
    assert progress.run(client, "c", "s", every=0) == ("UPDATE_ROLLBACK_COMPLETE", ["Table: no such key"])
    lines = ["  update_failed: Table", "  update_complete: Table", "  update_rollback_complete: s"]
    assert capsys.readouterr().out.splitlines() == lines
    assert client.executed == 1


@pytest.mark.parametrize(
    ("unreserved", "wanted", "room"),
    [
        (9, 10, Room.TOO_LITTLE),
        (10, 10, Room.TIGHT),
        (29, 10, Room.TIGHT),
        (30, 10, Room.ENOUGH),
        (1000, 50, Room.ENOUGH),
        (10, 50, Room.TOO_LITTLE),
    ],
)
def test_concurrency_is_compared_with_the_limit_of_the_account(unreserved: int, wanted: int, room: Room) -> None:
    assert capacity.room(unreserved, wanted) is room


def test_concurrency_after_the_deployment_is_found() -> None:
    template = {"Parameters": {"MaximumConcurrency": {"Default": 50}}}
    before = {"MaximumConcurrency": "7", "LogLevel": "INFO"}
    assert capacity.wanted([], {}, template) == 50
    assert capacity.wanted(["LogLevel=DEBUG"], before, template) == 7
    assert capacity.wanted(["MaximumConcurrency=8", "Architecture=arm64"], before, template) == 8
    assert capacity.wanted(["ParameterKey=MaximumConcurrency,ParameterValue=9"], before, template) == 9
    assert capacity.wanted(['MaximumConcurrency="10"'], before, template) == 10


def test_result_is_found_in_the_output_of_sam() -> None:
    lines = ["Uploading", '{"type": "warning"}', '{"type": "result", "status": "no_changes"}', "[1]", ""]
    assert change_set.last_result("\n".join(lines))["status"] == "no_changes"
    assert change_set.last_result("Error: no credentials") == {}
