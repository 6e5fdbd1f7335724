"""What a failed first deployment leaves, or a failed deletion: a stack that can only be deleted, and its tables.

CloudFormation takes everything back but the tables: it cannot delete a protected one, so their policy is Retain. After
a failed first deployment they are empty, and named here with the commands that remove them. Nothing is deleted by this
command: the emptiness is looked at when it is told, and a table that holds something may be somebody's.
"""

from typing import Any

from botocore.exceptions import ClientError

from .changes import KEEPERS

UNDELETED = "DELETE_FAILED"
"""The status of a stack whose deletion failed, whether it ever lived or not."""

ONLY_DELETABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", UNDELETED)
"""The statuses of a stack that can only be deleted."""

STAYED = ("DELETE_SKIPPED", "DELETE_FAILED")


def told(cloudformation: Any, dynamodb: Any, stack: str, status: str) -> str:  # noqa: ANN401 - boto3 makes its clients at run time
    """Name what is left of a stack that can only be deleted, and how to remove it."""
    what = "deletion" if status == UNDELETED else "first deployment"
    lines = [f"The {what} of {stack} failed, and such a stack can only be deleted."]
    tables = {name: _holds(dynamodb, name) for name in _stayed_tables(cloudformation, stack)}
    for name, holds in tables.items():
        if holds is None:
            continue
        if holds:
            lines.append(f"The table {name} is NOT empty. Look at what it holds before you touch it.")
        else:
            lines += [
                f"The table {name} stayed, empty, since it is protected from deletion. To remove it:",
                f"  aws dynamodb update-table --table-name {name} --no-deletion-protection-enabled",
                f"  aws dynamodb delete-table --table-name {name}",
            ]
    lines += ["To deploy anew, correct the cause, then:", f"  aws cloudformation delete-stack --stack-name {stack}"]
    return "\n".join([*lines, "  make deploy"])


def _stayed_tables(cloudformation: Any, stack: str) -> list[str]:  # noqa: ANN401
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    return sorted(
        {
            event["PhysicalResourceId"]
            for page in pages
            for event in page["StackEvents"]
            if event["ResourceStatus"] in STAYED
            and KEEPERS.get(event["ResourceType"]) == "table"
            and event.get("PhysicalResourceId")
        }
    )


def _holds(dynamodb: Any, table: str) -> bool | None:  # noqa: ANN401
    # ItemCount of DescribeTable is six hours old.
    try:
        return bool(dynamodb.scan(TableName=table, Limit=1, ConsistentRead=True)["Items"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
