"""The metrics that AWS itself publishes, as far as alarms and the dashboard use them, with the pages that list them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Documented:
    """What AWS documents of the metrics of one namespace."""

    pages: tuple[str, ...]
    """Where the metrics and their dimensions are listed."""
    metrics: frozenset[str]
    dimensions: frozenset[str]
    """The dimensions that alone select a metric's values."""


DOCUMENTED = {
    "AWS/SQS": Documented(
        (
            # "Available CloudWatch metrics for Amazon SQS", with the namespace and the one dimension.
            "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
        ),
        frozenset(
            {"ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible", "NumberOfMessagesSent"}
        ),
        frozenset({"QueueName"}),
    ),
    "AWS/Lambda": Documented(
        (
            # "Types of metrics for Lambda functions": invocation, performance and concurrency metrics.
            "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
            # "Use Lambda recursive loop detection to prevent infinite loops": RecursiveInvocationsDropped.
            "https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html",
            # "Viewing metrics for Lambda functions": the namespace, and the dimension of all versions of a function.
            "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html",
        ),
        frozenset(
            {"Invocations", "Errors", "Throttles", "RecursiveInvocationsDropped", "Duration", "ConcurrentExecutions"}
        ),
        frozenset({"FunctionName"}),
    ),
    "AWS/ApiGateway": Documented(
        # "Monitor CloudWatch metrics for HTTP APIs in API Gateway". The names of REST APIs are others (5XXError).
        ("https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html",),
        frozenset({"4xx", "5xx", "Count", "IntegrationLatency", "Latency", "DataProcessed"}),
        frozenset({"ApiId"}),
    ),
}

RESOURCE_OF = {
    "QueueName": "AWS::SQS::Queue",
    "FunctionName": "AWS::Lambda::Function",
    "ApiId": "AWS::ApiGatewayV2::Api",
}
"""The type of the resource whose name each dimension has."""
