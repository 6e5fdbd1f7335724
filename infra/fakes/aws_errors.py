"""AWS's own errors as they are on the wire. Clients decide by an error's name whether they retry.

DynamoDB, SQS and Secrets Manager answer in JSON with a `__type`, SES in JSON with a header, SNS in XML. The
shapes are those of the services' API references. The messages are close to those of AWS; nothing reads them.
"""

import json
from dataclasses import dataclass

from .http_server import Fields, response

_SERVER_ERRORS = {
    "dynamodb": (500, "com.amazonaws.dynamodb.v20120810#InternalServerError", "Internal server error"),
    "sqs": (503, "com.amazonaws.sqs#ServiceUnavailable", "Service is unable to handle request."),
    "secretsmanager": (500, "InternalServiceError", "An error occurred on the server side."),
    "sns": (500, "InternalError", "Internal error"),
    "ses": (500, "InternalServiceErrorException", "Internal error"),
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
    "ses": (429, "TooManyRequestsException", "Too Many Requests"),
}


@dataclass(frozen=True)
class AwsResponse:
    """A response of AWS's, as far as its clients read it."""

    status: int
    fields: Fields
    """The header fields, without `Content-Length`."""
    body: bytes

    def __bytes__(self) -> bytes:
        """Write the response."""
        return response(self.status, self.body, self.fields)


def json_response(answer: object) -> AwsResponse:
    """Give DynamoDB's or SQS's answer to a call that succeeded."""
    return AwsResponse(200, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(answer).encode())


def server_error(service: str) -> AwsResponse:
    """Give the error of a service that is down."""
    return _error(service, *_SERVER_ERRORS[service])


def throttling(service: str) -> AwsResponse:
    """Give the error of a service that gets too many requests."""
    return _error(service, *_THROTTLING[service])


def conflict() -> AwsResponse:
    """Give DynamoDB's error of a condition that does not hold."""
    kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
    return _error("dynamodb", 400, kind, "The conditional request failed")


def collection_full() -> AwsResponse:
    """Give DynamoDB's error of a write that would grow an item collection beyond its 10 GB."""
    kind = "com.amazonaws.dynamodb.v20120810#ItemCollectionSizeLimitExceededException"
    return _error("dynamodb", 400, kind, "Collection size exceeded.")


def _error(service: str, status: int, code: str, message: str) -> AwsResponse:
    fault = "Receiver" if status >= 500 else "Sender"
    if service == "sns":
        error = f"<Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">{error}</ErrorResponse>'
        return AwsResponse(status, [("Content-Type", "text/xml")], body.encode())
    if service == "ses":
        fields = [("Content-Type", "application/json"), ("x-amzn-errortype", code)]
        return AwsResponse(status, fields, json.dumps({"message": message}).encode())
    version = "1.1" if service == "secretsmanager" else "1.0"
    fields = [("Content-Type", f"application/x-amz-json-{version}")]
    if service == "sqs":
        # The name of the error in SQS's older protocol, which clients go by if it is there.
        fields.append(("x-amzn-query-error", f"{code.rpartition('#')[2]};{fault}"))
    return AwsResponse(status, fields, json.dumps({"__type": code, "message": message}).encode())
