"""The functions' logs of the whole session: no secrets, known levels, no faults except those that a test provoked."""

import pytest

from infra.local.conformance import check_conformance
from infra.local.stack import Stack

from .logs import Confidential, json_lines, log_lines


@pytest.mark.last
def test_no_line_of_the_session_holds_a_transcript_a_phone_a_secret_or_a_url(
    stack: Stack, confidential: Confidential
) -> None:
    deliver, portal = stack.function_log(), stack.portal_log()
    assert deliver
    assert portal
    confidential.add(stack.internal_secret, stack.portal_secret)
    forbidden = [*confidential.texts, "http://", "https://", "whsec_", "/hooks/"]
    leaks = [(text[:12], line) for line in deliver + portal for text in forbidden if text in line]
    assert leaks == []


@pytest.mark.last
def test_every_line_of_the_functions_is_json_of_a_known_level(stack: Stack) -> None:
    around = ("START RequestId:", "END RequestId:", "REPORT RequestId:")
    log = stack.function_log() + stack.portal_log()
    assert [line for line in log if not line.startswith((*around, "{"))] == []
    lines = json_lines(log)
    assert {line["level"] for line in lines} <= {"DEBUG", "INFO", "WARN", "ERROR"}
    assert all(line["timestamp"].endswith("Z") for line in lines)


@pytest.mark.last
def test_every_delivery_and_step_of_the_session_was_one_of_the_pure_code(stack: Stack) -> None:
    conformance = check_conformance(stack.function_log())
    print(conformance)
    assert conformance.calls > 0


@pytest.mark.last
def test_deliver_logged_no_panic_and_only_provoked_faults(stack: Stack) -> None:
    lines = log_lines(stack)
    ours = {"panic", "panicked", "not_copied", "overdue", "secret_not_refreshed", "not_rescheduled"}
    assert [line for line in lines if line["message"] in ours] == []
    assert all("attribute" in line["error"] for line in lines if line["message"] == "fault")


@pytest.mark.last
def test_portal_logged_no_panic_and_only_provoked_faults(stack: Stack) -> None:
    errors = [line for line in json_lines(stack.portal_log()) if line["level"] == "ERROR"]
    # A test provokes these faults by settings that cannot be used.
    assert [line for line in errors if line["message"] != "fault" or "attribute" not in line["error"]] == []
