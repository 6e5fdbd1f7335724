"""The template's tables, queues, topics and secrets, made in the stand-ins.

What the stand-ins do not know is left out here, and nowhere else: of a table, all but its keys, indexes and billing
(`dynalite` has no backups, no encryption, no protection against deletion and lets nothing expire), of a topic its key.
"""

import json
from typing import Any

from infra.local import environment

from .template import Names, Template

_OF_A_TABLE = (
    "AttributeDefinitions",
    "KeySchema",
    "LocalSecondaryIndexes",
    "GlobalSecondaryIndexes",
    "BillingMode",
)
_OF_THE_ACCOUNT: Names = {"AWS::Region": {"Ref": environment.REGION}, "AWS::StackName": {"Ref": "second"}}


class Made:
    """The resources made so far, by the names that references use."""

    def __init__(self, template: Template, client: Any) -> None:  # noqa: ANN401 - makes boto3's clients
        self.names: Names = dict(_OF_THE_ACCOUNT)
        self._template = template
        self._client = client

    def everything(self) -> Names:
        """Make all of it, and give the names."""
        for name, said in self._template.resources("AWS::DynamoDB::Table").items():
            self._table(name, said)
        queues = self._template.resources("AWS::SQS::Queue").items()
        # A queue that others are redriven to comes before those.
        for name, said in sorted(queues, key=lambda queue: "RedrivePolicy" in queue[1]):
            self._queue(name, said)
        for name in self._template.resources("AWS::SNS::Topic"):
            arn = self._client("sns").create_topic(Name=name)["TopicArn"]
            self.names[name] = {"Ref": arn, "TopicName": name}
        for name, said in self._template.resources("AWS::SecretsManager::Secret").items():
            self._secret(name, said)
        return self.names

    def _table(self, name: str, said: dict[str, Any]) -> None:
        keys = {part: self._template.resolve(said[part], self.names) for part in _OF_A_TABLE if part in said}
        dynamodb = self._client("dynamodb")
        dynamodb.create_table(TableName=name, **keys)
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        self.names[name] = {"Ref": name, "Arn": f"arn:aws:dynamodb:{environment.REGION}::table/{name}"}

    def _queue(self, name: str, said: dict[str, Any]) -> None:
        attributes = {part: _text(self._template.resolve(value, self.names)) for part, value in said.items()}
        sqs = self._client("sqs")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.names[name] = {"Ref": url, "Arn": arn, "QueueName": name}

    def _secret(self, name: str, said: dict[str, Any]) -> None:
        secrets = self._client("secretsmanager")
        text = secrets.get_random_password(**said["GenerateSecretString"])["RandomPassword"]
        arn = secrets.create_secret(Name=name, SecretString=text)["ARN"]
        self.names[name] = {"Ref": arn, "Id": arn}


def _text(value: object) -> str:
    # SQS's attributes are texts: numbers and switches as JSON writes them, and so the redrive policy.
    return value if isinstance(value, str) else json.dumps(value)
