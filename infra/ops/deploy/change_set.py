"""The change set: uploaded and made by SAM, described and deleted by CloudFormation.

SAM uploads the zips and a template of any size, and a parameter that is not given keeps its value. This module reads
SAM's result as JSON lines (`--output json`), not as SAM's text for people.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.local import environment
from infra.local.processes import Failure

from .changes import Change


def make(template: Path, configuration: Path, stack: str, overrides: Sequence[str]) -> str | None:
    """Upload, make a change set, and give its id, or None if there is nothing to change."""
    argv = [
        *environment.SAM,
        "deploy",
        f"--config-file={configuration}",
        f"--template-file={template}",
        f"--stack-name={stack}",
        "--no-execute-changeset",
        "--output=json",
        *(["--parameter-overrides", *overrides] if overrides else []),
    ]
    # With the terminal's input and standard error, since an AWS profile may ask for a token.
    ended = subprocess.run(argv, env=_environment(), stdout=subprocess.PIPE, text=True, check=False)
    result = last_result(ended.stdout)
    match result.get("status"):
        case "changeset_created":
            return result["changeset_id"]
        case "no_changes":
            return None
    raise Failure(
        f"SAM made no change set (status {ended.returncode}): {result.get('message') or ended.stdout.strip()}"
    )


def last_result(output: str) -> dict[str, Any]:
    """Find the result among SAM's lines of JSON; empty if SAM wrote none."""
    results: dict[str, Any] = {}
    for line in output.splitlines():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        if isinstance(read, dict) and read.get("type") == "result":
            results = read
    return results


def changes(cloudformation: Any, change_set: str) -> list[Change]:  # noqa: ANN401 - boto3 makes its clients at run time
    """Describe the whole change set: CloudFormation gives it in pages, and one page could lack a removal."""
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
    described = (change for page in pages for change in page["Changes"])
    return [Change.read(change["ResourceChange"]) for change in described if "ResourceChange" in change]


def delete(cloudformation: Any, change_set: str) -> None:  # noqa: ANN401
    """Delete the change set, so that nobody executes a change that was refused."""
    cloudformation.delete_change_set(ChangeSetName=change_set)


def _environment() -> dict[str, str]:
    return os.environ | {"SAM_CLI_TELEMETRY": "0"}
