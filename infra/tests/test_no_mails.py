"""A stack without an address to send from: `notify` exists and does nothing."""

import json

from infra.local.mailbox import mails
from infra.local.stack import Stack

from .business import TestBusiness
from .logs import json_lines


def test_stack_without_a_sender_mails_nobody_and_claims_nothing(stack: Stack, business: TestBusiness) -> None:
    health = {"version": 1, "state": "paused", "since": 1762155755000, "reason": "gone"}
    business.answers(200, notify_email="owner@example.com", health=health)
    notice = {"kind": "paused", "business_id": business.id, "cause": "gone", "since": "2025-11-03T07:42:35Z", "held": 3}
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["NotifyFunctionName"],
        Payload=json.dumps({"Records": [{"Sns": {"Message": json.dumps(notice)}}]}).encode(),
    )
    assert "FunctionError" not in answer
    assert mails(stack) == []
    item = stack.settings.get_item(Key={"business_id": business.id}, ConsistentRead=True)["Item"]
    assert not any(name.startswith("mailed_") for name in item)
    assert [line for line in json_lines(stack.notify_log()) if line.get("business_id") == business.id] == []
