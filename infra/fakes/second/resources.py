"""The template's tables, queues, topics and secrets, made in the stand-ins.

This module alone leaves out the properties that the stand-ins do not know. Of a table it passes on the keys, indexes
and billing only, since `dynalite` has no backups, no encryption, no deletion protection and no expiry. Of a topic it
leaves out the encryption key.
"""

import json
from typing import Any

from infra.local import environment

from .template import Names, Template

_TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "KeySchema",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "BillingMode",
)
_ACCOUNT_NAMES: Names = {"AWS::Region": {"Ref": environment.REGION}, "AWS::StackName": {"Ref": "second"}}


class Resources:
    """The resources of a template in the stand-ins, by the names that references use."""

    def __init__(self, template: Template, client: Any) -> None:  # noqa: ANN401 - makes boto3's clients
        self.names: Names = dict(_ACCOUNT_NAMES)
        self._template = template
        self._client = client

    def create(self) -> Names:
        """Make every resource, and give their names."""
        for name, properties in self._template.resources("AWS::DynamoDB::Table").items():
            self._table(name, properties)
        queues = self._template.resources("AWS::SQS::Queue").items()
        # A dead-letter queue comes before the queue that is redriven to it.
        for name, properties in sorted(queues, key=lambda queue: "RedrivePolicy" in queue[1]):
            self._queue(name, properties)
        for name in self._template.resources("AWS::SNS::Topic"):
            arn = self._client("sns").create_topic(Name=name)["TopicArn"]
            self.names[name] = {"Ref": arn, "TopicName": name}
        for name, properties in self._template.resources("AWS::SecretsManager::Secret").items():
            self._secret(name, properties)
        return self.names

    def _table(self, name: str, properties: dict[str, Any]) -> None:
        kept = {part: properties[part] for part in _TABLE_PROPERTIES if part in properties}
        dynamodb = self._client("dynamodb")
        dynamodb.create_table(TableName=name, **self._template.resolve(kept, self.names))
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        self.names[name] = {"Ref": name, "Arn": f"arn:aws:dynamodb:{environment.REGION}::table/{name}"}

    def _queue(self, name: str, properties: dict[str, Any]) -> None:
        attributes = {part: _text(self._template.resolve(value, self.names)) for part, value in properties.items()}
        sqs = self._client("sqs")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.names[name] = {"Ref": url, "Arn": arn, "QueueName": name}

    def _secret(self, name: str, properties: dict[str, Any]) -> None:
        secrets = self._client("secretsmanager")
        text = secrets.get_random_password(**properties["GenerateSecretString"])["RandomPassword"]
        arn = secrets.create_secret(Name=name, SecretString=text)["ARN"]
        self.names[name] = {"Ref": arn, "Id": arn}


def _text(value: object) -> str:
    # SQS takes attributes as text: numbers, booleans and the redrive policy as JSON.
    return value if isinstance(value, str) else json.dumps(value)
