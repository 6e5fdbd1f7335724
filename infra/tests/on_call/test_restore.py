"""`make restore`: what a table has lost comes back from a restored table, and `sweep` goes on from there.

The local stack restores a table as it is now, whatever time is asked for. So a test restores first and loses the items
afterwards.
"""

import time
from collections.abc import Iterator

import pytest

from infra.fakes.aws_proxy import AwsProxy, throttled, unprocessed
from infra.local.processes import until
from infra.local.stack import Stack
from infra.tests.business import TestBusiness, event_id_of
from infra.tests.waits import SECONDS

from .conftest import Tool

pytestmark = [pytest.mark.own_stack, pytest.mark.on_call]

SIDE = {"settings": "side-of-settings", "deliveries": "side-of-deliveries"}
OUTPUTS = {"settings": "SettingsTableName", "deliveries": "DeliveriesTableName"}
ITEMS = 150
"""More than one BatchGetItem reads."""

KEPT = 20
"""So many of them the table has not lost."""


class SideTables:
    """The tables that a restore makes."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._dynamodb = stack.client("dynamodb")

    def restore(self) -> None:
        """Restore both tables as they are now."""
        for table, name in SIDE.items():
            source = self._stack.outputs[OUTPUTS[table]]
            self._dynamodb.restore_table_to_point_in_time(
                SourceTableName=source, TargetTableName=name, UseLatestRestorableTime=True
            )

    def delete(self) -> None:
        """Delete those that exist."""
        for name in set(SIDE.values()) & set(self._dynamodb.list_tables()["TableNames"]):
            self._dynamodb.delete_table(TableName=name)


@pytest.fixture
def side(short_schedule: Stack) -> Iterator[SideTables]:
    """Give the restored tables, which are gone after the test."""
    tables = SideTables(short_schedule)
    yield tables
    tables.delete()


def delivered(business: TestBusiness) -> str:
    """Publish a call, wait for its record, and give its event's id."""
    known = len(business.received())
    business.publish()
    event_id = event_id_of(business.receives(known + 1)[-1])
    business.recorded(event_id, "delivered")
    return event_id


def delete_record(business: TestBusiness, event_id: str) -> None:
    """Delete an event's record."""
    business.stack.deliveries.delete_item(Key={"business_id": business.id, "event_id": event_id})


def change_record(business: TestBusiness, event_id: str) -> None:
    """Change an event's record."""
    business.stack.deliveries.update_item(
        Key={"business_id": business.id, "event_id": event_id},
        UpdateExpression="SET subject = :changed",
        ExpressionAttributeValues={":changed": "changed"},
    )


def test_only_what_a_table_lacks_comes_back(
    business: TestBusiness, another: TestBusiness, side: SideTables, tool: Tool
) -> None:
    business.answers(200)
    another.answers(200)
    lost, kept, expired, others = *(delivered(business) for _ in range(3)), delivered(another)
    before = business.record_of(lost)
    business.stack.deliveries.update_item(
        Key={"business_id": business.id, "event_id": expired},
        UpdateExpression="SET expires_at = :past",
        ExpressionAttributeValues={":past": int(time.time()) - 1},
    )
    side.restore()
    delete_record(business, lost)
    delete_record(business, expired)
    delete_record(another, others)
    change_record(business, kept)

    arguments = ("--from", SIDE["deliveries"], "--table", "deliveries", "--business", business.id)
    refused = tool("restore", *arguments, answer="")
    assert (refused.returncode, refused.stderr) == (1, "Nothing was copied.\n")
    assert business.record_of(lost) is None

    done = tool("restore", *arguments, answer="yes\n")
    assert done.returncode == 0, done.stderr
    live = business.stack.outputs["DeliveriesTableName"]
    assert f"{SIDE['deliveries']} has 3 items of {business.id}:" in done.stdout
    assert f"  1 that {live} does not have: they are copied" in done.stdout
    assert "  1 that it has: they stay as they are" in done.stdout
    assert "  1 that have expired since: they are left out" in done.stdout
    assert f"1 items are in {live}." in done.stdout
    assert business.record_of(lost) == before, "every attribute is as before"
    assert business.record_of(kept)["subject"] == "changed"
    assert business.record_of(expired) is None
    assert another.record_of(others) is None

    again = tool("restore", *arguments)
    assert again.returncode == 0
    assert again.stdout.endswith("There is nothing to copy.\n")

    replaced = tool("restore", *arguments, "--replace", answer="yes\n")
    assert replaced.returncode == 0, replaced.stderr
    assert "they are WRITTEN OVER with the restored state" in replaced.stdout
    assert business.record_of(kept)["subject"] != "changed"
    assert business.record_of(expired) is None


def test_held_events_that_come_back_are_sent_by_sweep_in_their_order(
    business: TestBusiness, side: SideTables, tool: Tool, short_schedule: Stack
) -> None:
    business.answers(410, 200)
    business.publish()
    until(lambda: business.health().get("state") == "paused", SECONDS, "a paused endpoint")
    business.publish()
    until(lambda: len(business.held()) == 2, SECONDS, "two held events")
    held = business.held()
    side.restore()
    for event_id in held:
        delete_record(business, event_id)
    short_schedule.settings.delete_item(Key={"business_id": business.id})

    of_business = ("--business", business.id)
    for table, source in SIDE.items():
        done = tool("restore", "--from", source, "--table", table, *of_business, answer="yes\n")
        assert done.returncode == 0, done.stderr
    assert business.held() == held
    assert business.health()["state"] == "paused", "the endpoint's state comes back with the settings"

    # The owner's resume, whose message is lost: `sweep` finds the replay by the restored attributes.
    health = business.health()
    active = {"version": health["version"] + 1, "state": "active"}
    business.settings.save(short_schedule, health=active)
    short_schedule.sweep()
    requests = business.receives(3)
    assert [event_id_of(request) for request in requests[1:]] == held


def test_whole_table_comes_back_although_dynamodb_throttles(
    side: SideTables, tool: Tool, short_schedule: Stack, aws_proxy: AwsProxy
) -> None:
    ids = [f"restored-{number:03}" for number in range(ITEMS)]
    table = short_schedule.settings
    with table.batch_writer() as batch:
        for id_ in ids:
            batch.put_item(Item={"business_id": id_, "payload_format": "flat"})
        # The item in which `sweep` keeps its place.
        batch.put_item(Item={"business_id": "\u0001sweep"})
    side.restore()
    with table.batch_writer() as batch:
        for id_ in (*ids[KEPT:], "\u0001sweep"):
            batch.delete_item(Key={"business_id": id_})
    others = len(table.scan(ConsistentRead=True)["Items"])

    live = short_schedule.outputs["SettingsTableName"]
    with (
        aws_proxy.rule(unprocessed(live), "BatchGetItem", times=2) as left_out,
        aws_proxy.rule(throttled, "PutItem", times=3) as refused,
    ):
        done = tool("restore", "--from", SIDE["settings"], "--table", "settings", answer="yes\n")
    assert done.returncode == 0, done.stderr
    assert (left_out.hits, refused.hits) == (2, 3)
    assert f"  {others} that it has: they stay as they are" in done.stdout
    assert f"{ITEMS - KEPT} items are in {live}." in done.stdout
    found = {item["business_id"] for item in table.scan(ConsistentRead=True)["Items"]}
    assert set(ids) <= found
    assert "\u0001sweep" not in found


def test_table_that_is_not_a_copy_is_refused(side: SideTables, tool: Tool, short_schedule: Stack) -> None:
    side.restore()
    live = short_schedule.outputs["DeliveriesTableName"]
    for source, reason in (
        (SIDE["settings"], f"{SIDE['settings']} has other keys than {live}: it is the copy of another table."),
        (live, f"{live} is the stack's own table."),
    ):
        refused = tool("restore", "--from", source, "--table", "deliveries", answer="yes\n")
        assert (refused.returncode, refused.stderr) == (1, reason + "\n")
    absent = tool("restore", "--from", "absent", "--table", "deliveries", answer="yes\n")
    assert absent.returncode == 1
    assert absent.stderr.startswith("AWS refused: ")
