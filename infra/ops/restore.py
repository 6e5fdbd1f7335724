"""`make restore`: items of a restored table back into the stack's own table.

The command is for the person on call, after a loss of data. DynamoDB restores a backup into a new table, and the stack
goes on with its own. So this command copies from the new table what the stack's table does not have: all of it, or one
business's. With `--replace` it also writes over items that the stack's table has.

The command first counts, says what it will do, and asks. It leaves out what has expired meanwhile, and the item in
which `sweep` keeps its place. It deletes nothing. Run again, it goes on where it was ended.

A state that comes back is an old one; README's runbook says what follows from that.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.processes import Failure, command

from . import account

NAME = "prosaas-webhooks"
OUTPUTS = {"settings": "SettingsTableName", "deliveries": "DeliveriesTableName"}
"""The stack's output with the name of each table."""

SWEEPS_PLACE = "\u0001sweep"
"""The key of the settings item that is no business's."""

AT_ONCE = 16
KEYS_OF_A_READ = 100
"""The most keys that BatchGetItem takes."""

PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 12})
"""Slows down while DynamoDB throttles, instead of failing."""

Item = dict[str, Any]


@dataclass
class Counts:
    """The items of the restored table, by what becomes of them."""

    lacking: int = 0
    """Items that the stack's table does not have."""
    present: int = 0
    expired: int = 0


@dataclass(frozen=True)
class Restoration:
    """A restored table, the stack's table, and what is copied from one to the other."""

    dynamodb: Any
    source: str
    live: str
    business: str | None
    replaces: bool

    def refuse_other_tables(self) -> None:
        """Fail unless the restored table is ready and has the keys of the stack's table."""
        if self.source == self.live:
            raise Failure(f"{self.source} is the stack's own table.")
        source, live = (self.dynamodb.describe_table(TableName=name)["Table"] for name in (self.source, self.live))
        if source["TableStatus"] != "ACTIVE":
            raise Failure(f"{self.source} is not ready ({source['TableStatus']}). A restore takes minutes to hours.")
        if source["KeySchema"] != live["KeySchema"]:
            raise Failure(f"{self.source} has other keys than {self.live}: it is the copy of another table.")

    def count(self) -> Counts:
        """Compare both tables, and write nothing."""
        counts = Counts()
        for items in self._pages():
            kept = [item for item in items if not _has_expired(item)]
            counts.expired += len(items) - len(kept)
            present = self._present(kept)
            counts.present += len(present)
            counts.lacking += len(kept) - len(present)
        return counts

    def copy(self) -> Iterator[int]:
        """Copy the items, and give after each page how many were written so far."""
        written = 0
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for items in self._pages():
                kept = [item for item in items if not _has_expired(item)]
                present = set() if self.replaces else self._present(kept)
                wanted = [item for item in kept if _key_text(item) not in present]
                written += sum(threads.map(self._put, wanted))
                yield written

    def _pages(self) -> Iterator[list[Item]]:
        if self.business is None:
            pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.source, ConsistentRead=True)
        else:
            pages = self.dynamodb.get_paginator("query").paginate(
                TableName=self.source,
                ConsistentRead=True,
                KeyConditionExpression="business_id = :business",
                ExpressionAttributeValues={":business": {"S": self.business}},
            )
        for page in pages:
            yield [item for item in page["Items"] if item["business_id"]["S"] != SWEEPS_PLACE]

    def _present(self, items: list[Item]) -> set[tuple[str, ...]]:
        """Give the keys of those items that the stack's table has."""
        found: set[tuple[str, ...]] = set()
        for begin in range(0, len(items), KEYS_OF_A_READ):
            some = items[begin : begin + KEYS_OF_A_READ]
            names = list(_key(some[0]))
            request = {"ConsistentRead": True, "ProjectionExpression": ", ".join(names)}
            wanted = {self.live: request | {"Keys": [_key(item) for item in some]}}
            while wanted:
                answer = self.dynamodb.batch_get_item(RequestItems=wanted)
                found |= {_key_text(item) for item in answer["Responses"].get(self.live, [])}
                if wanted := answer.get("UnprocessedKeys") or {}:
                    time.sleep(1)
        return found

    def _put(self, item: Item) -> bool:
        # Between the comparison and this write, a delivery may have made the item.
        only_if = {} if self.replaces else {"ConditionExpression": "attribute_not_exists(business_id)"}
        try:
            self.dynamodb.put_item(TableName=self.live, Item=item, **only_if)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def main() -> int:
    """Restore what the arguments name, and return the command's status."""
    parser = argparse.ArgumentParser(prog="make restore", description=__doc__)
    parser.add_argument("--from", dest="source", required=True, help="the restored table")
    parser.add_argument("--table", required=True, choices=OUTPUTS, help="the stack's table that gets the items")
    # `make` hands the id on as a variable of the environment, so that no shell reads it.
    parser.add_argument("--business", default=os.environ.get("BUSINESS"), help="only this business's items")
    parser.add_argument("--replace", action="store_true", help="also write over items that the stack's table has")
    parser.add_argument("--stack", default=NAME, help="the name of the CloudFormation stack")
    arguments = parser.parse_args()
    try:
        [described] = account.client("cloudformation").describe_stacks(StackName=arguments.stack)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        dynamodb = account.client("dynamodb", PATIENT)
        live = outputs[OUTPUTS[arguments.table]]
        restore(Restoration(dynamodb, arguments.source, live, arguments.business, arguments.replace))
    except (BotoCoreError, ClientError) as error:
        raise Failure(f"AWS refused: {error}\nWhat was copied stays. Run the command again to go on.") from None
    return 0


def restore(restoration: Restoration) -> None:
    """Say what would be copied, ask, and copy it."""
    restoration.refuse_other_tables()
    counts = restoration.count()
    of = f" of {restoration.business}" if restoration.business else ""
    print(f"{restoration.source} has {counts.lacking + counts.present + counts.expired} items{of}:")
    print(f"  {counts.lacking} that {restoration.live} does not have: they are copied")
    fate = "they are WRITTEN OVER with the restored state" if restoration.replaces else "they stay as they are"
    print(f"  {counts.present} that it has: {fate}")
    print(f"  {counts.expired} that have expired since: they are left out", flush=True)
    if counts.lacking + (counts.present if restoration.replaces else 0) == 0:
        print("There is nothing to copy.")
        return
    if not is_confirmed():
        raise Failure("Nothing was copied.")
    written = 0
    for written in restoration.copy():
        print(f"  {written} written", flush=True)
    print(f"{written} items are in {restoration.live}. `sweep` finds what is due among them within ten minutes.")


def is_confirmed() -> bool:
    """Ask at the terminal, or read the answer from the standard input."""
    print("Type yes to go on: ", end="", flush=True)
    return sys.stdin.readline().strip() == "yes"


def _key(item: Item) -> Item:
    return {name: item[name] for name in ("business_id", "event_id") if name in item}


def _key_text(item: Item) -> tuple[str, ...]:
    return tuple(value["S"] for value in _key(item).values())


def _has_expired(item: Item) -> bool:
    # DynamoDB deletes an expired item late, and would delete this one too.
    return "expires_at" in item and float(item["expires_at"]["N"]) <= time.time()


if __name__ == "__main__":
    command(main)
