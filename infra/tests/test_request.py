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

from .business import TestBusiness

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


def test_plain_call_arrives_with_its_13_fields_in_order_and_types(business: TestBusiness) -> None:
    business.answers(200)
    event = business.publish()
    [request] = business.receives()
    body = json.loads(request.body)
    assert list(body) == list(FIELDS)
    assert {name: type(value) for name, value in body.items()} == FIELDS
    times = {"started_at": "2025-11-03T07:41:20.118204Z", "ended_at": "2025-11-03T07:42:33.907551Z"}
    assert body == event | times
    assert request.body == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def test_sparse_call_is_filled_in_and_further_fields_follow_in_their_order(business: TestBusiness) -> None:
    business.answers(200)
    further = {"recording_url": "https://recordings.example/1", "city": "חיפה", "attempt_cost": 1.50}
    event = {"event_type": "calls.completed", "business_id": business.id, "call_id": 48213, "lead_id": None}
    business.publish(event | further)
    [request] = business.receives()
    body = json.loads(request.body)
    assert list(body) == [*FIELDS, *further]
    assert body == {
        "event_type": "call.completed",
        "business_id": business.id,
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


def test_event_of_an_unknown_type_passes_through(business: TestBusiness) -> None:
    business.answers(200)
    business.publish({"event_type": "quote.requested", "business_id": business.id, "b": None, "a": [1, {"c": 2.0}]})
    [request] = business.receives()
    expected = f'{{"event_type":"quote.requested","business_id":"{business.id}","b":null,"a":[1,{{"c":2}}]}}'
    assert request.body.decode() == expected
    assert request.headers["x-prosaas-event"] == "quote.requested"


def test_every_header_is_as_documented(business: TestBusiness) -> None:
    business.answers(200)
    event = business.publish()
    [request] = business.receives()
    headers = request.headers
    version = re.search(r'^version = "(.+)"', (environment.ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert version
    assert request.method == "POST"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["user-agent"] == f"ProSaaS-Webhooks/{version[1]}"
    assert headers["x-prosaas-event"] == "call.completed"
    assert headers["webhook-attempt"] == "1"
    key = "\n".join(["call.completed", business.id, event["call_id"]])
    assert headers["webhook-id"] == "evt_" + hashlib.sha256(key.encode()).hexdigest()[:32]
    assert abs(int(headers["webhook-timestamp"]) - request.at) < 30
    stamp = datetime.strptime(headers["x-prosaas-timestamp"][:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    assert headers["x-prosaas-timestamp"].endswith("Z")
    assert abs(stamp.timestamp() - int(headers["webhook-timestamp"])) <= 1
    names = [name.lower() for name, _ in request.fields]
    assert len(names) == len(set(names))
    assert "accept-encoding" not in names


def test_signature_of_the_operator_is_the_hmac_of_the_bytes(business: TestBusiness) -> None:
    business.answers(200)
    business.publish()
    [request] = business.receives()
    expected = hmac.new(business.stack.internal_secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-prosaas-signature"] == expected
    assert not internal_is_right(request.body + b" ", request.headers, business.stack.internal_secret)


def test_official_library_verifies_and_refuses_a_changed_body(business: TestBusiness) -> None:
    business.answers(200)
    business.publish()
    [request] = business.receives()
    assert Webhook(business.settings.signing_secret).verify(request.body, dict(request.headers))
    changed = request.body.replace(b"inbound", b"outbound")
    assert not standard_is_right(changed, request.headers, business.settings.signing_secret)
    assert not standard_is_right(request.body, request.headers, new_signing_secret())


def test_business_without_a_secret_gets_no_standard_signature(business: TestBusiness) -> None:
    business.answers(200)
    business.stack.settings.update_item(Key={"business_id": business.id}, UpdateExpression="REMOVE signing_secret")
    business.publish()
    [request] = business.receives()
    assert "webhook-signature" not in request.headers
    assert internal_is_right(request.body, request.headers, business.stack.internal_secret)


def test_during_rotation_both_secrets_verify(business: TestBusiness) -> None:
    previous = new_signing_secret()
    business.confidential.add(previous)
    expires = int(time.time()) + 3600
    business.answers(200, previous_signing_secret=previous, previous_signing_secret_expires_at=expires)
    business.publish()
    [request] = business.receives()
    signatures = request.headers["webhook-signature"].split(" ")
    assert len(signatures) == 2
    for secret, signature in zip([business.settings.signing_secret, previous], signatures, strict=True):
        assert standard_is_right(request.body, request.headers | {"webhook-signature": signature}, secret)


def test_after_rotation_only_the_new_secret_verifies(business: TestBusiness) -> None:
    previous = new_signing_secret()
    expired = int(time.time()) - 1
    business.answers(200, previous_signing_secret=previous, previous_signing_secret_expires_at=expired)
    business.publish()
    [request] = business.receives()
    assert standard_is_right(request.body, request.headers, business.settings.signing_secret)
    assert not standard_is_right(request.body, request.headers, previous)


def test_secret_of_64_bytes_as_another_system_may_have_written_it(business: TestBusiness) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(192, 256))).decode()
    business.confidential.add(secret)
    business.answers(200)
    business.stack.settings.update_item(
        Key={"business_id": business.id},
        UpdateExpression="SET signing_secret = :secret",
        ExpressionAttributeValues={":secret": secret},
    )
    business.publish()
    [request] = business.receives()
    assert standard_is_right(request.body, request.headers, secret)


def test_header_of_the_owners_choosing_is_sent(business: TestBusiness) -> None:
    value = f"Bearer {new_signing_secret()}"
    business.confidential.add(value)
    business.answers(200, static_header_name="Authorization", static_header_value=value)
    business.publish()
    [request] = business.receives()
    assert request.headers["authorization"] == value


def test_answer_is_never_decompressed(business: TestBusiness) -> None:
    # The decompressed answer would read as that of a starting n8n, and the event would be tried again.
    business.answers(Answer(200, gzip.compress(b"n8n is starting up"), {"Content-Encoding": "gzip"}))
    business.publish()
    business.receives()
    business.logs(level="INFO")
    assert len(business.received()) == 1
