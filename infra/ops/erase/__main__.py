"""The command behind `make erase`."""

import argparse
import os
import sys
import unicodedata
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.processes import Failure, command
from infra.ops import account

from . import __doc__ as description
from . import calls, dead_letters, remains
from .dead_letters import Looked, Sought
from .remains import Stack
from .tables import Found, Record, Tables

NAME = "prosaas-webhooks"
USAGE = "Usage: make erase BUSINESS=<business id> [CALL=<call id>] [STACK=<stack name>]"
PASSES = 5
"""After so many passes that all found something, other code is writing without an end."""

EACH = 500
"""Progress is printed once for so many records."""


def main() -> int:
    """Erase what the arguments name, and return the command's status."""
    parser = argparse.ArgumentParser(
        prog="make erase", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    # `make` hands these on as variables of the environment, so that no shell reads an id.
    parser.add_argument("--business", default=os.environ.get("BUSINESS"), help="the id of the business")
    parser.add_argument(
        "--call", default=os.environ.get("CALL"), help="the id of one of its calls; all if none is given"
    )
    parser.add_argument("--stack", default=NAME, help="the name of the CloudFormation stack")
    arguments = parser.parse_args()
    refuse(arguments.business, arguments.call)
    try:
        return erase(arguments.stack, arguments.business, arguments.call)
    except (BotoCoreError, ClientError) as error:
        raise Failure(f"AWS refused: {error}") from None


def refuse(business: str | None, call: str | None) -> None:
    """Fail unless a text can be the id of a business, by the rule of `BusinessId` in `shared/domain/src/event.rs`."""
    # An empty CALL is a variable that somebody forgot to set, and does not mean all calls.
    if not business or (call is not None and not call.strip()):
        raise Failure(USAGE)
    is_control = any(unicodedata.category(character) in ("Cc", "Cs") for character in business)
    if business.isspace() or is_control or len(business) > 128:
        # The item under which `sweep` keeps its place has such a key.
        raise Failure("No business has this id: 1 to 128 characters without control characters, not blank.")


def stack_of(cloudformation: Any, name: str) -> Stack:  # noqa: ANN401 - boto3 makes its clients at run time
    """Find the tables and queues of a stack by its outputs."""
    [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", [])}
    return Stack(
        outputs["EventsQueueUrl"],
        outputs["DeadLetterQueueUrl"],
        outputs["SettingsTableName"],
        outputs["DeliveriesTableName"],
        parameters,
    )


def erase(name: str, business: str, call: str | None) -> int:
    """Say what is there, ask, remove it, and say what is kept elsewhere."""
    stack = stack_of(account.client("cloudformation"), name)
    dynamodb, sqs = account.client("dynamodb"), account.client("sqs")
    tables = Tables(dynamodb, stack.settings, stack.deliveries)
    found = tables.of_call(business, call) if call else None
    print(f"In the stack {name}, business {business!r}:")
    for line in inventory(tables, business) if found is None else listed(call or "", found):
        print(f"  {line}")
    if not agreed():
        print("Nothing was removed.")
        return 1
    removed = found.records if found else []
    if found is None:
        erase_business(tables, business)
    else:
        erase_records(tables, business, [record.event_id for record in found.records])
        print(f"Removed: {counted(len(removed), 'record')} of the call.", flush=True)
    ids = frozenset(record.event_id for record in removed) | {calls.event_id(business, call or "")}
    print("Looking through the dead-letter queue.", flush=True)
    looked = dead_letters.remove(sqs, stack.dead_letters_url, Sought(business, call, ids))
    print(f"Removed from the dead-letter queue: {counted(looked.removed, 'message')}; {looked.kept} others stay.")
    tell(dynamodb, sqs, stack, call, removed, looked)
    return 0


def inventory(tables: Tables, business: str) -> list[str]:
    """Say what the tables have of a business."""
    count, more = tables.first_count(business)
    settings = "an item of settings" if tables.has_settings(business) else "no settings"
    return [f"{'more than ' if more else ''}{counted(count, 'record')} in the ledger", settings]


def listed(call: str, found: Found) -> list[str]:
    """Say which records are of a call."""
    lines = [f"{record.event_id}  {record.event_type}  {record.status}" for record in found.records]
    lines = [f"{counted(len(lines), 'record')} of the call {call!r}", *lines]
    if found.unread:
        lines.append(f"{counted(found.unread, 'other record')} without a body that can be read, judged by the id alone")
    return lines


def agreed() -> bool:
    """Ask, and tell whether standard input says yes."""
    print(
        "This and its messages in the dead-letter queue will be removed. Type yes to remove them: ", end="", flush=True
    )
    answer = sys.stdin.readline()
    if not sys.stdin.isatty():
        print()
    return answer.strip().lower() == "yes"


def erase_business(tables: Tables, business: str) -> None:
    """Remove the settings and all records, until a pass over both finds nothing."""
    settings = records = 0
    for _ in range(PASSES):
        had_settings = tables.remove_settings(business)
        count = erase_records(tables, business, tables.event_ids(business))
        settings, records = settings + had_settings, records + count
        if not had_settings and count == 0:
            break
    else:
        print("Records are still being added: run the same command again in a few minutes.")
    print(f"Removed: {counted(records, 'record')}, {'the' if settings else 'no'} settings.", flush=True)


def counted(count: int, thing: str) -> str:
    """Give a number with its thing."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def erase_records(tables: Tables, business: str, event_ids: Any) -> int:  # noqa: ANN401
    """Remove records, print the progress, and return how many they were."""
    count = 0
    for step in tables.remove(business, event_ids):
        if (count + step) // EACH > count // EACH:
            print(f"  {count + step} records removed", flush=True)
        count += step
    return count


def tell(dynamodb: Any, sqs: Any, stack: Stack, call: str | None, removed: list[Record], looked: Looked) -> None:  # noqa: ANN401
    """Say what still holds data, and until when."""
    now = datetime.now(timezone.utc)
    tables = [stack.deliveries] if call else [stack.deliveries, stack.settings]
    print("What still holds data, and until when:")
    lines = [
        *remains.backups(dynamodb, stack, tables, now),
        *remains.events_queue(sqs, stack, call, removed, now),
        *remains.dead_letters(sqs, stack, looked, now),
        remains.logs(now),
        "beyond this system: what the receiver was sent, and the call service's own log of calls",
    ]
    for line in lines:
        print(f"  {line}.")


if __name__ == "__main__":
    command(main)
