"""Tries a receiver: sends what ProSaaS would send and what a forger would, and says whether each answer is right.

    python3 try.py https://receiver.example/hook whsec_...                  a receiver that verifies the signature
    python3 try.py https://receiver.example/hook --header "X-Key: value"    a receiver that verifies a fixed header

Needs Python 3.9 or later and no library. The status is 0 if every answer is right. The program cannot look into the
receiver: whether the call that comes twice has been handled once, its developer has to see.
"""

import argparse
import base64
import hashlib
import hmac
import json
import secrets
import sys
import time
import urllib.error
import urllib.request

CALL = {
    "event_type": "call.completed",
    "business_id": "try",
    "call_id": "",
    "lead_id": "",
    "phone": "+972550000000",
    "started_at": "2026-03-01T10:15:00.25Z",
    "ended_at": "2026-03-01T10:16:32Z",
    "duration_sec": 92,
    "transcript": "נציגה: שלום, במה אפשר לעזור?\nלקוח: \"תור\" ל־1/3 \\ <b>דחוף</b> & 😀\u2028.",
    "summary": "הלקוח ביקש תור.",
    "agent_name": "Assistant",
    "direction": "inbound",
    "metadata": {"test": True, "price": 1.5, "none": None},
}
OTHER = {"event_type": "quote.requested", "business_id": "try", "b": None, "a": [1, {"c": 2}]}
SLOW_SECONDS = 0.5
LONG_CHARACTERS = 500_000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("secret", nargs="?", help="whsec_...")
    parser.add_argument("--header", help="'Name: value', the owner's own header")
    options = parser.parse_args()
    if not options.secret and not options.header:
        parser.error("give the secret, the header, or both")
    wrong = [what for what, is_wanted, *request in requests(options) if not is_answered(options, what, is_wanted, *request)]
    print(f"{len(wrong)} wrong" if wrong else "All answers are right.")
    return 1 if wrong else 0


def requests(options):
    """Gives each request: what it is, whether the receiver has to take it, its body, and its headers."""
    call = CALL | {"call_id": "test-" + secrets.token_hex(8)}
    body, now = written(call), int(time.time())
    right = signed(options, call, body, now)
    yield "a call", True, body, right
    yield "the same call again, which is to be handled once", True, body, signed(options, call, body, now, attempt=2)
    yield "an event of a type that is new to the receiver", True, written(OTHER), signed(options, OTHER, written(OTHER), now)
    long = call | {"call_id": "test-" + secrets.token_hex(8), "transcript": "ש" * LONG_CHARACTERS}
    yield f"a call of {len(written(long)):,} bytes", True, written(long), signed(options, long, written(long), now)
    if options.secret:
        other = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        both = right["webhook-signature"] + " " + signature(other, right["webhook-id"], now, body)
        yield "two signatures, the first by your secret", True, body, right | {"webhook-signature": both}
        turned = " ".join(reversed(both.split()))
        yield "two signatures, the second by your secret", True, body, right | {"webhook-signature": turned}
        yield "a changed body", False, body.replace(b"inbound", b"outbound"), right
        yield "a changed webhook-id", False, body, right | {"webhook-id": "evt_" + "0" * 32}
        yield "a changed webhook-timestamp", False, body, right | {"webhook-timestamp": str(now + 1)}
        yield "a call that was signed ten minutes ago", False, body, signed(options, call, body, now - 600)
        forged = signature(other, right["webhook-id"], now, body)
        yield "another secret's signature", False, body, right | {"webhook-signature": forged}
        yield "an empty signature", False, body, right | {"webhook-signature": ""}
        yield "no signature", False, body, {name: value for name, value in right.items() if name != "webhook-signature"}
    if options.header:
        name, value = header(options)
        yield "another value of the header", False, body, right | {name: value + "x"}
        yield "no header", False, body, {other: value for other, value in right.items() if other != name}


def written(event):
    # The bytes of JavaScript's JSON.stringify.
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def signed(options, event, body, now, attempt=1):
    key = "\n".join([event["event_type"], event["business_id"], event.get("call_id") or body.decode()])
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "ProSaaS-Webhooks/try",
        "webhook-id": "evt_" + hashlib.sha256(key.encode()).hexdigest()[:32],
        "webhook-timestamp": str(now),
        "webhook-attempt": str(attempt),
        "x-prosaas-event": event["event_type"],
    }
    if options.secret:
        headers["webhook-signature"] = signature(options.secret, headers["webhook-id"], now, body)
    return headers | (dict([header(options)]) if options.header else {})


def signature(secret, event_id, now, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{event_id}.{now}.".encode() + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def header(options):
    name, _, value = options.header.partition(":")
    return name.strip(), value.strip()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """ProSaaS follows no redirect."""

    def redirect_request(self, *_):
        return None


def is_answered(options, what, is_wanted, body, headers):
    """Sends a request, and says whether the answer is right."""
    request = urllib.request.Request(options.url, body, headers, method="POST")
    started = time.monotonic()
    try:
        status = urllib.request.build_opener(NoRedirect).open(request, timeout=30).status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        print(f"WRONG  {what}: no answer, {error}")
        return False
    took = time.monotonic() - started
    # 410 would tell ProSaaS that the receiver is gone for good.
    is_right = 200 <= status < 300 if is_wanted else 400 <= status < 500 and status != 410
    slow = f", slow: answer first, and work afterwards ({took:.1f} s)" if took > SLOW_SECONDS else ""
    print(f"{'right' if is_right else 'WRONG'}  {what}: {status}{'' if is_right else ', not ' + ('2xx' if is_wanted else '401')}{slow}")
    return is_right


if __name__ == "__main__":
    sys.exit(main())
