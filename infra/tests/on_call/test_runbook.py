"""README's runbook: every command of the section "On call" is run as it stands there, against the local stack.

A section's blocks run in one shell, in their order. The first block loads the stack's outputs; a test runs it, and the
other sections get the same values. The shell is the person's on call, with four commands of its own: `aws` checks a
command that the local stack cannot run by the AWS CLI's own models; `make` runs what a target runs, without the tools'
installation; `git` does nothing; `sleep` is shorter.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from infra.fakes.aws_proxy import AwsProxy
from infra.local import environment
from infra.local.processes import until
from infra.local.signatures import internal_is_right
from infra.local.stack import NAME, Stack
from infra.tests.business import TestBusiness, event_id_of
from infra.tests.logs import log_lines
from infra.tests.portal import Owner, Portal
from infra.tests.queues import DeadLetters
from infra.tests.waits import SECONDS

pytestmark = [pytest.mark.own_stack, pytest.mark.on_call]

README = (environment.ROOT / "README.md").read_text()
BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(?:## On call|### .*)$", re.MULTILINE)
FIRST = "On call"
NOT_LOCAL = {
    "service-quotas request-service-quota-increase": "the local stack has no quotas",
    "cloudformation cancel-update-stack": "the stack is not being updated",
    "cloudformation continue-update-rollback": "the stack has no failed roll-back",
}
"""The commands that the local stack cannot run, with the reason. The AWS CLI checks them by its models."""

SHELL = r"""
set -euo pipefail
aws() {
    case " $NOT_LOCAL " in
        *" $1:$2 "*) command aws "$@" --generate-cli-skeleton output ;;
        *) command aws "$@" ;;
    esac
}
make() {
    local commands
    # The earlier version's folder, which `git` would have made, is this one.
    commands=$(command make --dry-run "${@/..\/earlier/.}")
    case " $* " in
        # A deployment would build the functions anew. Other tests deploy.
        *" deploy "*) grep --quiet -- '-m infra.ops.deploy' <<< "$commands" ;;
        # Only the proxy has move tasks.
        *) AWS_ENDPOINT_URL=$PROXY bash -c "$(grep -- '-m infra.ops' <<< "$commands")" ;;
    esac
}
git() { true; }
sleep() { command sleep 3; }
"""


def sections() -> dict[str, list[str]]:
    """Give the blocks of each section of the runbook, by its heading."""
    runbook = README[README.index("## On call\n") : README.index("## The rest\n")]
    begins = [*HEADING.finditer(runbook)]
    ends = [heading.start() for heading in begins[1:]] + [len(runbook)]
    found = {}
    for heading, end in zip(begins, ends, strict=True):
        blocks = BLOCK.findall(runbook[heading.end() : end])
        texts = [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in blocks]
        if texts:
            found[heading.group().lstrip("# ")] = texts
    return found


SECTIONS = sections()


def mapping_of(stack: Stack) -> str:
    """Give the id of the event source mapping of `deliver`."""
    [mapping] = stack.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return mapping["UUID"]


class Shell:
    """The shell of the person on call."""

    def __init__(self, proxy: str, business: TestBusiness, folder: Path) -> None:
        self._business = business
        self._folder = folder
        self._env = environment.using(business.stack.endpoint) | {
            "PROXY": proxy,
            "STACK": NAME,
            "MAPPING": mapping_of(business.stack),
            "NOT_LOCAL": " ".join(command.replace(" ", ":") for command in NOT_LOCAL),
            "RESTORE_TO": datetime.now(timezone.utc).isoformat(),
            "COMMIT": "HEAD",
            "AWS_PAGER": "",
        }
        self._env |= business.stack.outputs

    def run(self, heading: str, call_id: str = "c-1042", answer: str = "", **given: str) -> str:
        """Run the blocks of a section, and give what they print."""
        return self.run_blocks(SECTIONS[heading], call_id, answer, given)

    def run_blocks(self, blocks: list[str], call_id: str = "", answer: str = "", given: Mapping[str, str] = {}) -> str:
        """Run blocks in one shell, and give what they print."""
        script = self._folder / "runbook.sh"
        text = SHELL + "\n".join(blocks)
        script.write_text(text.replace("BUSINESS=demo CALL=c-1042", f"BUSINESS={self._business.id} CALL={call_id}"))
        ended = subprocess.run(
            ["bash", script],
            cwd=environment.ROOT,
            env=os.environ | self._env | given,
            input=answer,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * SECONDS,
        )
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        assert "command not found" not in ended.stderr, ended.stderr
        return ended.stdout


@pytest.fixture
def shell(aws_proxy: AwsProxy, business: TestBusiness, tmp_path: Path) -> Shell:
    """Give the shell."""
    return Shell(aws_proxy.endpoint, business, tmp_path)


@pytest.fixture
def dead_letters(short_schedule: Stack) -> Iterator[DeadLetters]:
    """Give the dead letters, and leave none behind."""
    letters = DeadLetters(short_schedule)
    yield letters
    letters.find("")


def test_the_first_block_loads_the_outputs_and_deliveries_stop_and_go_on(
    shell: Shell, short_schedule: Stack, business: TestBusiness
) -> None:
    load, stop, go_on = SECTIONS[FIRST]
    assert "--no-enabled" in stop
    assert "--enabled" in go_on
    loaded = short_schedule.outputs | {"MAPPING": mapping_of(short_schedule)}
    printing = f'for name in {" ".join(loaded)}; do printf "%s=%s\\n" "$name" "${{!name}}"; done\n'
    printed = shell.run_blocks([f"unset {' '.join(loaded)}\n", load, printing])
    assert dict(line.split("=", 1) for line in printed.splitlines()) == loaded
    shell.run(FIRST)
    business.answers(200)
    business.publish()
    business.receives()


def test_events_wait(shell: Shell) -> None:
    printed = shell.run("When events wait")
    assert '"ApproximateNumberOfMessagesNotVisible"' in printed
    assert '"Enabled"' in printed


def test_lambda_throttles(shell: Shell, short_schedule: Stack) -> None:
    functions = short_schedule.client("lambda")
    [mapping] = functions.list_event_source_mappings()["EventSourceMappings"]
    try:
        printed = shell.run("When Lambda throttles")
        [changed] = functions.list_event_source_mappings()["EventSourceMappings"]
        assert changed["ScalingConfig"]["MaximumConcurrency"] == 5
        assert '"Datapoints"' in printed
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=mapping["ScalingConfig"])


def test_something_is_in_the_dead_letter_queue(shell: Shell, business: TestBusiness, dead_letters: DeadLetters) -> None:
    dead_letters.find("")
    business.publish_text(json.dumps({"business_id": business.id}))
    heading = "When something is in the dead-letter queue"
    attributes, whole, *further = SECTIONS[heading]

    def printed() -> str | None:
        text = shell.run_blocks([attributes])
        return text if "malformed" in text else None

    assert business.id not in until(printed, SECONDS, "a dead letter"), "no body is shown"
    [message] = json.loads(shell.run_blocks([whole]))["Messages"]
    assert business.id in message["Body"]
    assert message["MessageAttributes"]["reason"]["StringValue"] == "malformed"
    moved = shell.run_blocks(further, given={"RECEIPT_HANDLE": message["ReceiptHandle"]})
    assert "The dead-letter queue is empty." in moved, "the message is deleted before the rest is moved"


def test_sweep_does_not_run(shell: Shell, short_schedule: Stack) -> None:
    events = short_schedule.client("events")
    [rule] = [rule for rule in events.list_rules()["Rules"] if rule.get("ScheduleExpression") == "rate(5 minutes)"]
    events.disable_rule(Name=rule["Name"])
    printed = shell.run("When `sweep` does not run")
    assert '"DISABLED"' in printed
    assert '"probes"' in printed
    assert events.describe_rule(Name=rule["Name"])["State"] == "ENABLED"


def test_lambda_stops_a_loop(shell: Shell) -> None:
    assert '"Allow"' in shell.run("When Lambda stops a loop")


def test_a_fault_is_logged(shell: Shell, business: TestBusiness) -> None:
    business.answers(200, signing_secret="none")
    business.publish()
    business.logs(message="fault")
    assert business.id in shell.run("When a fault is logged")


def test_nothing_is_published(shell: Shell, short_schedule: Stack) -> None:
    shell.run("When nothing is published")

    def found() -> bool:
        lines = [line for line in log_lines(short_schedule) if line.get("business_id") == "operator-check"]
        return [line["message"] for line in lines] == ["not_configured"]

    until(found, SECONDS, "a line about the operator's event")


def test_a_deployment_fails_and_back_to_an_earlier_version(shell: Shell) -> None:
    assert "CREATE_COMPLETE" in shell.run("When a deployment fails")
    shell.run("Back to an earlier version")


def test_restore_from_a_backup(shell: Shell, business: TestBusiness) -> None:
    business.answers(200)
    business.publish()
    [request] = business.receives()
    business.recorded(event_id_of(request), "delivered")
    printed = shell.run("Restore from a backup", answer="yes\n")
    assert f"{NAME}-restored has " in printed
    dynamodb = business.stack.client("dynamodb")
    assert f"{NAME}-restored" not in dynamodb.list_tables()["TableNames"]


def test_restore_a_deleted_table(shell: Shell, business: TestBusiness) -> None:
    business.answers(200)
    business.publish()
    event_id = event_id_of(business.receives()[0])
    before = business.recorded(event_id, "delivered")
    dynamodb, live = business.stack.client("dynamodb"), business.stack.outputs["DeliveriesTableName"]
    # AWS makes a backup of its own when a table is deleted. The local stack does not.
    dynamodb.create_backup(TableName=live, BackupName="at-the-deletion")
    dynamodb.update_table(TableName=live, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=live)
    shell.run("Restore a deleted table")
    assert business.record_of(event_id) == before
    assert dynamodb.describe_table(TableName=live)["Table"]["DeletionProtectionEnabled"]
    backups = dynamodb.describe_continuous_backups(TableName=live)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    business.publish()
    business.recorded(event_id_of(business.receives(2)[1]), "delivered")
    ttl = dynamodb.describe_time_to_live(TableName=live)["TimeToLiveDescription"]
    assert ttl == {"AttributeName": "expires_at", "TimeToLiveStatus": "ENABLED"}


def test_rotate_a_secret(shell: Shell, business: TestBusiness) -> None:
    # Each copy reads the secrets anew when it is asked for them.
    before, after = replace(business.stack), replace(business.stack)
    old_owner = Owner(business, Portal(before))
    business.answers(200)
    assert old_owner.get("/api/settings").status == 200
    assert before.internal_secret
    printed = shell.run("Rotate a secret")
    for old, new in ((before.internal_secret, after.internal_secret), (before.portal_secret, after.portal_secret)):
        assert re.fullmatch("[A-Za-z0-9]{64}", new)
        assert new != old
        business.confidential.add(new)
    assert after.portal_secret not in printed
    assert after.internal_secret not in printed

    # The last step gave `portal` new processes. `kept.rs` holds the five minutes of those that stay.
    assert old_owner.get("/api/settings").status == 401
    assert Owner(business, Portal(after)).get("/api/settings").status == 200
    name = after.outputs["DeliverFunctionName"]
    size = after.function["MemorySize"]
    after.client("lambda").update_function_configuration(FunctionName=name, MemorySize=size + 1)
    business.publish()
    [request] = business.receives()
    assert internal_is_right(request.body, request.headers, after.internal_secret)


def test_look_up_a_call(shell: Shell, business: TestBusiness) -> None:
    business.answers(500, 200)
    event = business.publish()
    event_id = event_id_of(business.receives(2)[1])
    business.recorded(event_id, "delivered")
    business.logs(event_id=event_id, message="delivered")
    printed = shell.run("Look up a call", call_id=event["call_id"])
    assert re.search(r'"status": {\s*"S": "delivered"', printed)
    attempts = [line.split("\t") for line in printed.splitlines() if re.match(r"\d+\t", line)]
    assert [(number, cause, code) for number, _at, cause, code, _ms in attempts] == [
        ("1", "status", "500"),
        ("2", "None", "200"),
    ]
    assert f'"event_id":"{event_id}"' in printed
    assert event["transcript"] not in printed
    shell.run("Look up a call", call_id="of-a-call-that-was-never-published")


TESTED = {
    "When events wait": test_events_wait,
    "When Lambda throttles": test_lambda_throttles,
    "When something is in the dead-letter queue": test_something_is_in_the_dead_letter_queue,
    "When `sweep` does not run": test_sweep_does_not_run,
    "When Lambda stops a loop": test_lambda_stops_a_loop,
    "When a fault is logged": test_a_fault_is_logged,
    "When nothing is published": test_nothing_is_published,
    "When a deployment fails": test_a_deployment_fails_and_back_to_an_earlier_version,
    "Back to an earlier version": test_a_deployment_fails_and_back_to_an_earlier_version,
    "Restore from a backup": test_restore_from_a_backup,
    "Restore a deleted table": test_restore_a_deleted_table,
    "Rotate a secret": test_rotate_a_secret,
    "Look up a call": test_look_up_a_call,
    FIRST: test_the_first_block_loads_the_outputs_and_deliveries_stop_and_go_on,
}
"""The test of each section."""


def test_every_section_with_commands_has_a_test_and_no_command_stands_outside_a_block() -> None:
    assert set(sections()) == set(TESTED)
    text = "\n".join(block for blocks in sections().values() for block in blocks)
    for command in NOT_LOCAL:
        assert f"aws {command}" in text, f"the runbook has no {command}"
    runbook = README[README.index("## On call\n") : README.index("## The rest\n")]
    assert re.findall(r"`aws [^`]*`", BLOCK.sub("", runbook)) == []


def test_links_within_the_readme_lead_to_its_headings() -> None:
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    slugs: set[str] = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) - slugs == set()
