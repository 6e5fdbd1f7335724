"""The changes of a change set that would lose data or a secret.

A replaced settings table is empty, and every call is then acknowledged as not configured. A replaced queue loses the
events that are published to its old address. A replaced secret invalidates every receiver's verification. That the old
resource is retained does not help: nothing in the stack refers to it any more.

This module calls neither AWS nor a person: the function that asks a person is an argument.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from infra.local.processes import Failure

KEEPERS = {
    "AWS::DynamoDB::Table": "table",
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::SQS::Queue": "queue",
    "AWS::SecretsManager::Secret": "secret",
}
"""The types of resources whose content cannot be made again, and the word for each."""

SIGNS = {"Add": "+", "Modify": "~", "Remove": "-"}


class Loss(Enum):
    """Whether the stack loses a resource's content by a change."""

    NONE = "none"
    POSSIBLE = "possible"
    CERTAIN = "certain"


@dataclass(frozen=True)
class Change:
    """The change that a change set makes to one resource, in CloudFormation's words (API_ResourceChange)."""

    action: str
    """Add, Modify, Remove, Import, Dynamic or SyncWithActual."""
    name: str
    """The resource's name in the template."""
    kind: str
    """The resource's type."""
    replacement: str | None = None
    """True, False or Conditional. Only a Modify has it."""
    policy: str | None = None
    """What CloudFormation does with the old resource, such as ReplaceAndRetain."""
    properties: tuple[str, ...] = ()
    """The properties whose change may replace the resource."""

    @staticmethod
    def read(described: dict[str, Any]) -> "Change":
        """Read a change from the answer of DescribeChangeSet."""
        targets = [detail.get("Target", {}) for detail in described.get("Details", [])]
        causes = {target.get("Name", "") for target in targets if target.get("RequiresRecreation", "Never") != "Never"}
        return Change(
            described["Action"],
            described["LogicalResourceId"],
            described["ResourceType"],
            described.get("Replacement"),
            described.get("PolicyAction"),
            tuple(sorted(causes - {""})),
        )

    @property
    def keeper(self) -> str | None:
        """The word for a resource whose content cannot be made again: table, queue or secret."""
        return KEEPERS.get(self.kind)

    @property
    def loss(self) -> Loss:
        """Whether the stack loses the resource's content by this change."""
        if self.keeper is None or self.action in ("Add", "Import"):
            return Loss.NONE
        if self.action == "Remove" or self.replacement == "True":
            return Loss.CERTAIN
        if self.action == "Modify" and self.replacement == "False":
            return Loss.NONE
        if self.replacement is None and (self.policy or "").startswith("Replace"):
            return Loss.CERTAIN
        # `Conditional`, or a value that this module does not know.
        return Loss.POSSIBLE

    def describe(self, verb: str) -> str:
        """Describe the loss, with "would be" or "may be" as the verb."""
        fate = "removed" if self.action == "Remove" else "replaced by an empty one"
        because = f" (because of {', '.join(self.properties)})" if self.properties else ""
        return f"{self.name}, a {self.keeper}, {verb} {fate}{because}"


def table(changes: Sequence[Change]) -> str:
    """Give the changes as a table, one change a line."""
    rows = [
        (f"{SIGNS.get(one.action, '?')} {one.action}", one.name, one.kind, _fate(one))
        for one in sorted(changes, key=lambda one: (one.action, one.name))
    ]
    rows.insert(0, ("Change", "Resource", "Type", "Replaced"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )
    return "\n".join(f"  {line}".rstrip() for line in lines)


def refuse_losses(changes: Iterable[Change], yes: frozenset[str], ask: Callable[[str], str] | None) -> None:
    """Fail if a loss is certain, or if a loss is possible and nobody allows it by the resource's name.

    `yes` has the names that were allowed beforehand. `ask` puts a question to a person; without a person it is None.
    """
    changes = list(changes)
    if certain := [one.describe("would be") for one in changes if one.loss is Loss.CERTAIN]:
        raise Failure(_refusal(certain) + "\nNothing was changed, and no answer allows this: see README, Deploy.")
    for one in changes:
        if one.loss is not Loss.POSSIBLE or one.name in yes:
            continue
        question = one.describe("may be")
        if ask is None:
            raise Failure(f"{_refusal([question])}\nNothing was changed. If that is meant: make deploy YES={one.name}")
        if ask(f"{question}. Type {one.name} to go on: ").strip() != one.name:
            raise Failure("Nothing was changed.")


def _fate(change: Change) -> str:
    marks = {Loss.CERTAIN: "  <== would lose what it holds", Loss.POSSIBLE: "  <== may lose what it holds"}
    return (change.replacement or "-") + marks.get(change.loss, "")


def _refusal(lines: Iterable[str]) -> str:
    return "\n".join(["Refused:", *(f"  {line}" for line in lines)])
