"""The remains of a failed first deployment or a failed deletion: a stack that can only be deleted, and its tables.

CloudFormation removes everything but the tables: it cannot delete a protected table, so the tables' policy is Retain.
After a failed first deployment the tables are empty, and this module names them with the commands that remove them. It
deletes nothing itself, since a table that is not empty may still be needed.
"""

from typing import Any

from botocore.exceptions import ClientError

from .changes import KEEPERS

UNDELETED = "DELETE_FAILED"
"""The status of a stack whose deletion failed, whether its first deployment had succeeded or not."""

ONLY_DELETABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", UNDELETED)
"""The statuses of a stack that can only be deleted."""

RETAINED = ("DELETE_SKIPPED", "DELETE_FAILED")


def explanation(cloudformation: Any, dynamodb: Any, stack: str, status: str) -> str:  # noqa: ANN401 - boto3 makes its clients at run time
    """Name the remains of a stack that can only be deleted, and the commands that remove them."""
    what = "deletion" if status == UNDELETED else "first deployment"
    lines = [f"The {what} of {stack} failed, and such a stack can only be deleted."]
    tables = {name: _is_filled(dynamodb, name) for name in _retained_tables(cloudformation, stack)}
    for name, is_filled in tables.items():
        if is_filled is None:
            continue
        if is_filled:
            lines.append(f"The table {name} is NOT empty. Look at what it holds before you touch it.")
        else:
            lines += [
                f"The table {name} stayed, empty, since it is protected from deletion. To remove it:",
                f"  aws dynamodb update-table --table-name {name} --no-deletion-protection-enabled",
                f"  aws dynamodb delete-table --table-name {name}",
            ]
    lines += ["To deploy anew, correct the cause, then:", f"  aws cloudformation delete-stack --stack-name {stack}"]
    return "\n".join([*lines, "  make deploy"])


def _retained_tables(cloudformation: Any, stack: str) -> list[str]:  # noqa: ANN401
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    return sorted(
        {
            event["PhysicalResourceId"]
            for page in pages
            for event in page["StackEvents"]
            if event["ResourceStatus"] in RETAINED
            and KEEPERS.get(event["ResourceType"]) == "table"
            and event.get("PhysicalResourceId")
        }
    )


def _is_filled(dynamodb: Any, table: str) -> bool | None:  # noqa: ANN401
    # DescribeTable's ItemCount may be six hours old.
    try:
        return bool(dynamodb.scan(TableName=table, Limit=1, ConsistentRead=True)["Items"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
