"""AWS's own errors as they are on the wire, service by service, since a client decides by their names what to retry.

DynamoDB, SQS and Secrets Manager answer in JSON with a `__type`, SNS in XML. The shapes are those of the services' API
references; the messages are what AWS says, or near enough, as nothing reads them.
"""

import json
from dataclasses import dataclass

_REASONS = {200: "OK", 400: "Bad Request", 500: "Internal Server Error", 503: "Service Unavailable"}

_SERVER_ERRORS = {
    "dynamodb": (500, "com.amazonaws.dynamodb.v20120810#InternalServerError", "Internal server error"),
    "sqs": (503, "com.amazonaws.sqs#ServiceUnavailable", "Service is unable to handle request."),
    "secretsmanager": (500, "InternalServiceError", "An error occurred on the server side."),
    "sns": (500, "InternalError", "Internal error"),
}
_THROTTLING = {
    "dynamodb": (
        400,
        "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded.",
    ),
    "sqs": (400, "com.amazonaws.sqs#RequestThrottled", "Request is throttled."),
    "secretsmanager": (400, "ThrottlingException", "Rate exceeded"),
    "sns": (400, "Throttling", "Rate exceeded"),
}


@dataclass(frozen=True)
class Answer:
    """A response of AWS's, as far as its clients look at it."""

    status: int
    content_type: str
    body: bytes
    further: str = ""
    """More header lines, each with its end."""

    def response(self) -> bytes:
        """Write it."""
        head = f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Other')}\r\nContent-Type: {self.content_type}\r\n"
        return f"{head}{self.further}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body


def server_error(service: str) -> Answer:
    """Give the error of a service that is down."""
    return _error(service, *_SERVER_ERRORS[service])


def throttling(service: str) -> Answer:
    """Give the error of a service that is asked too much."""
    return _error(service, *_THROTTLING[service])


def conflict() -> Answer:
    """Give DynamoDB's error of a condition that does not hold."""
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    return _error("dynamodb", 400, kind, "The conditional request failed")


def collection_full() -> Answer:
    """Give DynamoDB's error of a write that would grow an item collection beyond its 10 GB."""
    kind = "com.amazonaws.dynamodb.v20120810#ItemCollectionSizeLimitExceededException"
    return _error("dynamodb", 400, kind, "Collection size exceeded.")


def _error(service: str, status: int, kind: str, message: str) -> Answer:
    if service == "sns":
        fault = "Receiver" if status >= 500 else "Sender"
        said = f"<Error><Type>{fault}</Type><Code>{kind}</Code><Message>{message}</Message></Error>"
        body = f'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">{said}</ErrorResponse>'
        return Answer(status, "text/xml", body.encode())
    version = "1.1" if service == "secretsmanager" else "1.0"
    # SQS tells the name of its older protocol beside, which clients go by if it is there.
    fault = "Receiver" if status >= 500 else "Sender"
    older = f"x-amzn-query-error: {kind.rpartition('#')[2]};{fault}\r\n" if service == "sqs" else ""
    body = json.dumps({"__type": kind, "message": message}).encode()
    return Answer(status, f"application/x-amz-json-{version}", body, older)
