"""Tries a receiver: sends what ProSaaS would send and what a forger would, and says whether each answer is right.

    python3 try.py https://receiver.example/hook whsec_...                  a receiver that verifies the signature
    python3 try.py https://receiver.example/hook --header "X-Key: value"    a receiver that verifies the owner's header

Needs Python 3.9 or later and no library. The status is 0 if every answer is right. The program cannot look into the
receiver: whether the call that comes again has been handled once, its developer has to see.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
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
    "transcript": 'נציגה: שלום, במה אפשר לעזור?\nלקוח: "תור" ל־1/3 \\ <b>דחוף</b> & 😀\u2028.',
    "summary": "הלקוח ביקש תור.",
    "agent_name": "Assistant",
    "direction": "inbound",
    "metadata": {"test": True, "price": 1.5, "nothing": None},
}
OTHER = {"event_type": "quote.requested", "business_id": "try", "b": None, "a": [1, {"c": 2}]}
LONG_CHARACTERS = 500_000
SLOW_SECONDS = 0.5


class Sender:
    """Makes requests as ProSaaS does."""

    def __init__(self, secret, header):
        self.secret, self.header, self.now = secret, header, int(time.time())

    def request(self, event, attempt=1, age=0):
        """Gives the body and the headers of an event."""
        # The bytes of JavaScript's JSON.stringify.
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        key = "\n".join([event["event_type"], event["business_id"], event.get("call_id") or body.decode()])
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "ProSaaS-Webhooks/try",
            "webhook-id": "evt_" + hashlib.sha256(key.encode()).hexdigest()[:32],
            "webhook-timestamp": str(self.now - age),
            "webhook-attempt": str(attempt),
            "x-prosaas-event": event["event_type"],
        }
        if self.secret:
            headers["webhook-signature"] = signature(self.secret, headers, body)
        return body, headers | self.header


def signature(secret, headers, body):
    key = base64.b64decode(secret.replace("whsec_", "", 1))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()


def new_call(**fields):
    return CALL | {"call_id": "test-" + secrets.token_hex(8)} | fields


def right_requests(sender):
    """Gives the requests that a receiver has to take: a name, the body and the headers."""
    call, long = new_call(), new_call(transcript="ש" * LONG_CHARACTERS)
    yield "a call", *sender.request(call)
    yield "the same call again, to be handled once", *sender.request(call, attempt=2)
    yield "an event of a type that is new to the receiver", *sender.request(OTHER)
    yield "a call of 1 MB", *sender.request(long)
    if sender.secret:
        body, headers = sender.request(call, attempt=3)
        two = [headers["webhook-signature"], signature(new_secret(), headers, body)]
        yield "two signatures, the first one by your secret", body, headers | {"webhook-signature": " ".join(two)}
        yield (
            "two signatures, the second one by your secret",
            body,
            headers | {"webhook-signature": " ".join(two[::-1])},
        )


def forged_requests(sender):
    """Gives the requests that a receiver has to refuse."""
    body, headers = sender.request(new_call())
    if sender.secret:
        yield "a changed body", body.replace(b"inbound", b"outbound"), headers
        yield "a changed webhook-id", body, headers | {"webhook-id": "evt_" + "0" * 32}
        yield "a changed webhook-timestamp", body, headers | {"webhook-timestamp": str(sender.now + 1)}
        yield "a call that was signed ten minutes ago", *sender.request(new_call(), age=600)
        forged = signature(new_secret(), headers, body)
        yield "a signature by another secret", body, headers | {"webhook-signature": forged}
        yield "an empty signature", body, headers | {"webhook-signature": ""}
        yield "no signature", body, {name: value for name, value in headers.items() if name != "webhook-signature"}
    for name, value in sender.header.items():
        yield f"another value of {name}", body, headers | {name: value + "x"}
        yield f"no {name}", body, {other: kept for other, kept in headers.items() if other != name}


def is_secret(text):
    """Says whether a text is a signing secret of ProSaaS."""
    try:
        return text.startswith("whsec_") and len(base64.b64decode(text[len("whsec_") :], validate=True)) == 32
    except ValueError:
        return False


def new_secret():
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """ProSaaS follows no redirect."""

    def redirect_request(self, *_):
        return None


# ProSaaS uses no proxy either.
OPENER = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


def answer(url, body, headers):
    """Gives the status of the answer, or says why there is none."""
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with OPENER.open(request, timeout=30) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({error})"


def is_right(url, name, body, headers, wanted):
    """Sends a request, prints the answer, and says whether the answer is right."""
    started = time.monotonic()
    status = answer(url, body, headers)
    took = time.monotonic() - started
    found = isinstance(status, int) and (200 <= status < 300 if wanted == "2xx" else status in range(400, 500))
    # 410 would tell ProSaaS that the receiver is gone for good.
    found = found and status != 410
    slow = f"; slow: answer first, and work afterwards ({took:.1f} s)" if took > SLOW_SECONDS else ""
    print(f"{'right' if found else 'WRONG'}  {name}: {status}{'' if found else f', not {wanted}'}{slow}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("secret", nargs="?", help="whsec_...")
    parser.add_argument("--header", default="", help="'Name: value', the owner's own header")
    options = parser.parse_args()
    name, _, value = options.header.partition(":")
    if not options.secret and not name:
        parser.error("give the secret, the header, or both")
    if options.secret and not is_secret(options.secret):
        parser.error("a secret is whsec_ and the base64 of 32 bytes; the text that n8n takes is not the secret")
    if not options.url.startswith(("https://", "http://")):
        parser.error("the URL begins with https:// or http://")
    sender = Sender(options.secret, {name.strip().lower(): value.strip()} if name else {})
    results = [is_right(options.url, *request, wanted="2xx") for request in right_requests(sender)]
    if not any(results):
        print("No right request was taken. Is this the receiver's URL, and its secret or header?")
    results += [is_right(options.url, *request, wanted="401") for request in forged_requests(sender)]
    wrong = results.count(False)
    print(f"{wrong} of {len(results)} answers are wrong." if wrong else "All answers are right.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
