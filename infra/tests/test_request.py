"""The request that a business receives: the 13 fields, the headers, the signatures."""

import base64
import gzip
import hashlib
import hmac
import json
import re
import time
from datetime import datetime, timezone

from standardwebhooks.webhooks import Webhook

from infra.fakes.receiver import Answer
from infra.local import environment
from infra.local.business import new_signing_secret
from infra.local.signatures import internal_is_right, standard_is_right

from .business import Merchant

FIELDS = {
    "event_type": str,
    "business_id": str,
    "call_id": str,
    "lead_id": str,
    "phone": str,
    "started_at": str,
    "ended_at": str,
    "duration_sec": int,
    "transcript": str,
    "summary": str,
    "agent_name": str,
    "direction": str,
    "metadata": dict,
}


def test_plain_call_arrives_with_its_13_fields_in_order_and_types(merchant: Merchant) -> None:
    merchant.answers(200)
    event = merchant.publish()
    [request] = merchant.receives()
    body = json.loads(request.body)
    assert list(body) == list(FIELDS)
    assert {name: type(value) for name, value in body.items()} == FIELDS
    times = {"started_at": "2025-11-03T07:41:20.118204Z", "ended_at": "2025-11-03T07:42:33.907551Z"}
    assert body == event | times
    assert request.body == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def test_sparse_call_is_filled_in_and_further_fields_follow_in_their_order(merchant: Merchant) -> None:
    merchant.answers(200)
    further = {"recording_url": "https://recordings.example/1", "city": "חיפה", "attempt_cost": 1.50}
    event = {"event_type": "calls.completed", "business_id": merchant.id, "call_id": 48213, "lead_id": None}
    merchant.publish(event | further)
    [request] = merchant.receives()
    body = json.loads(request.body)
    assert list(body) == [*FIELDS, *further]
    assert body == {
        "event_type": "call.completed",
        "business_id": merchant.id,
        "call_id": "48213",
        "lead_id": "",
        "phone": "",
        "started_at": "",
        "ended_at": "",
        "duration_sec": 0,
        "transcript": "",
        "summary": "",
        "agent_name": "Assistant",
        "direction": "inbound",
        "metadata": {},
        **further,
    }


def test_event_of_an_unknown_type_passes_through(merchant: Merchant) -> None:
    merchant.answers(200)
    merchant.publish({"event_type": "quote.requested", "business_id": merchant.id, "b": None, "a": [1, {"c": 2.0}]})
    [request] = merchant.receives()
    expected = f'{{"event_type":"quote.requested","business_id":"{merchant.id}","b":null,"a":[1,{{"c":2}}]}}'
    assert request.body.decode() == expected
    assert request.headers["x-prosaas-event"] == "quote.requested"


def test_every_header_is_as_documented(merchant: Merchant) -> None:
    merchant.answers(200)
    event = merchant.publish()
    [request] = merchant.receives()
    headers = request.headers
    version = re.search(r'^version = "(.+)"', (environment.ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert version
    assert request.method == "POST"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["user-agent"] == f"ProSaaS-Webhooks/{version[1]}"
    assert headers["x-prosaas-event"] == "call.completed"
    assert headers["webhook-attempt"] == "1"
    key = "\n".join(["call.completed", merchant.id, event["call_id"]])
    assert headers["webhook-id"] == "evt_" + hashlib.sha256(key.encode()).hexdigest()[:32]
    assert abs(int(headers["webhook-timestamp"]) - request.at) < 30
    stamp = datetime.strptime(headers["x-prosaas-timestamp"][:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    assert headers["x-prosaas-timestamp"].endswith("Z")
    assert abs(stamp.timestamp() - int(headers["webhook-timestamp"])) <= 1
    names = [name.lower() for name, _ in request.fields]
    assert len(names) == len(set(names))
    assert "accept-encoding" not in names


def test_signature_of_the_operator_is_the_hmac_of_the_bytes(merchant: Merchant) -> None:
    merchant.answers(200)
    merchant.publish()
    [request] = merchant.receives()
    expected = hmac.new(merchant.stack.internal_secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-prosaas-signature"] == expected
    assert not internal_is_right(request.body + b" ", request.headers, merchant.stack.internal_secret)


def test_official_library_verifies_and_refuses_a_changed_body(merchant: Merchant) -> None:
    merchant.answers(200)
    merchant.publish()
    [request] = merchant.receives()
    assert Webhook(merchant.business.signing_secret).verify(request.body, dict(request.headers))
    changed = request.body.replace(b"inbound", b"outbound")
    assert not standard_is_right(changed, request.headers, merchant.business.signing_secret)
    assert not standard_is_right(request.body, request.headers, new_signing_secret())


def test_business_without_a_secret_gets_no_standard_signature(merchant: Merchant) -> None:
    merchant.answers(200)
    merchant.stack.settings.update_item(Key={"business_id": merchant.id}, UpdateExpression="REMOVE signing_secret")
    merchant.publish()
    [request] = merchant.receives()
    assert "webhook-signature" not in request.headers
    assert internal_is_right(request.body, request.headers, merchant.stack.internal_secret)


def test_during_rotation_both_secrets_verify(merchant: Merchant) -> None:
    previous = new_signing_secret()
    merchant.confidential.add(previous)
    expires = int(time.time()) + 3600
    merchant.answers(200, previous_signing_secret=previous, previous_signing_secret_expires_at=expires)
    merchant.publish()
    [request] = merchant.receives()
    signatures = request.headers["webhook-signature"].split(" ")
    assert len(signatures) == 2
    for secret, signature in zip([merchant.business.signing_secret, previous], signatures, strict=True):
        assert standard_is_right(request.body, request.headers | {"webhook-signature": signature}, secret)


def test_after_rotation_only_the_new_secret_verifies(merchant: Merchant) -> None:
    previous = new_signing_secret()
    expired = int(time.time()) - 1
    merchant.answers(200, previous_signing_secret=previous, previous_signing_secret_expires_at=expired)
    merchant.publish()
    [request] = merchant.receives()
    assert standard_is_right(request.body, request.headers, merchant.business.signing_secret)
    assert not standard_is_right(request.body, request.headers, previous)


def test_secret_of_64_bytes_as_another_system_may_have_written_it(merchant: Merchant) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(192, 256))).decode()
    merchant.confidential.add(secret)
    merchant.answers(200)
    merchant.stack.settings.update_item(
        Key={"business_id": merchant.id},
        UpdateExpression="SET signing_secret = :secret",
        ExpressionAttributeValues={":secret": secret},
    )
    merchant.publish()
    [request] = merchant.receives()
    assert standard_is_right(request.body, request.headers, secret)


def test_header_of_the_owners_choosing_is_sent(merchant: Merchant) -> None:
    value = f"Bearer {new_signing_secret()}"
    merchant.confidential.add(value)
    merchant.answers(200, static_header_name="Authorization", static_header_value=value)
    merchant.publish()
    [request] = merchant.receives()
    assert request.headers["authorization"] == value


def test_an_answer_is_never_decompressed(merchant: Merchant) -> None:
    # Decompressed, it would read as the answer of a starting n8n and be tried again.
    merchant.answers(Answer(200, gzip.compress(b"n8n is starting up"), {"Content-Encoding": "gzip"}))
    merchant.publish()
    merchant.receives()
    merchant.logs(level="INFO")
    assert len(merchant.received()) == 1
