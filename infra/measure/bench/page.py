"""One view of the owner's page with 20 deliveries: the invocation that an HTTP API makes, and the answers of AWS."""

import base64
import hmac
import json
import time

SECRET = "k" * 64
"""The secret that the program `bench` gives for every name."""

ROWS = 20


def invocation() -> str:
    """Give the payload of the HTTP API (format 2.0) for `GET /` with an owner's session."""
    http = {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "-"}
    return json.dumps(
        {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/",
            "rawQueryString": "",
            "cookies": [f"__Host-session={_token()}"],
            "headers": {"host": "api.example", "accept": "text/html"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "bench",
                "domainName": "api.example",
                "domainPrefix": "api",
                "http": http,
                "requestId": "1",
                "routeKey": "$default",
                "stage": "$default",
                "time": "01/Mar/2026:10:00:00 +0000",
                "timeEpoch": 1772359200000,
            },
            "isBase64Encoded": False,
        }
    )


def answers() -> dict[str, str]:
    """Give the answers of DynamoDB by the operation's name."""
    item = {
        "business_id": {"S": "business-0"},
        "generic_webhook_url": {"S": "https://n8n.example/webhook/0a1b2c3d"},
        "signing_secret": {"S": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    }
    return {
        "GetItem": json.dumps({"Item": item}),
        "Query": json.dumps({"Items": [_row(number) for number in range(ROWS)], "Count": ROWS, "ScannedCount": ROWS}),
    }


def _token() -> str:
    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    claims = {"sub": "business-0", "exp": int(time.time()) + 3_000}
    signed = ".".join(encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{encoded(hmac.digest(SECRET.encode(), signed.encode(), 'sha256'))}"


def _row(number: int) -> dict[str, dict[str, str]]:
    at = f"2026-03-01T10:{number:02}:00.000Z"
    id_ = f"evt_{number:032x}"
    return {
        "business_id": {"S": "business-0"},
        "event_id": {"S": id_},
        "occurred": {"S": f"{at}#{id_}"},
        "event_type": {"S": "call.completed"},
        "subject": {"S": f"CA{number:032}"},
        "title": {"S": "הלקוחה ביקשה לקבוע תור לייעוץ ביום שלישי בבוקר"},
        "phone_last_digits": {"S": "1234"},
        "status": {"S": "delivered"},
        "status_code": {"N": "200"},
        "attempts": {"N": "1"},
        "format": {"S": "event"},
        "created_at": {"S": at},
        "updated_at": {"N": "1772359200000"},
        "delivered_at": {"N": "1772359200000"},
    }
