"""Three AWS services reduced to one answer for each operation, for `make bench`.

The services answer at once and keep nothing, so that the function's own cost is measured and not a database's. They
check nothing.
"""

import json

from .http_server import Received, response


class InstantAws:
    """DynamoDB with one business and no event, Secrets Manager with one secret, and an SQS that takes everything."""

    def __init__(self, url: str, signing_secret: str) -> None:
        item = {
            "business_id": {"S": "demo"},
            "generic_webhook_url": {"S": url},
            "signing_secret": {"S": signing_secret},
        }
        found = {"settings": [item], "deliveries": []}
        self._answers = {
            "BatchGetItem": json.dumps({"Responses": found, "UnprocessedKeys": {}}).encode(),
            "PutItem": b"{}",
            "UpdateItem": b"{}",
            "GetSecretValue": json.dumps({"Name": "internal", "SecretString": "k" * 64}).encode(),
            "ChangeMessageVisibility": b"{}",
            "SendMessage": json.dumps({"MessageId": "1", "MD5OfMessageBody": ""}).encode(),
        }

    async def handle(self, request: Received) -> bytes:
        """Answer by the operation's name."""
        operation = request.headers["x-amz-target"].rpartition(".")[2]
        return response(200, self._answers[operation], [("Content-Type", request.headers["content-type"])])
