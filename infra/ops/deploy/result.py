"""The report after a deployment: the stack's outputs, and whether anybody receives the alarms.

An alarm that nobody receives is useless, and an address that has not confirmed its subscription receives no alarm.
"""

from typing import Any

ALARM_TOPIC = "AlarmTopicArn"


def report(cloudformation: Any, sns: Any, stack: str) -> None:  # noqa: ANN401 - boto3 makes its clients at run time
    """Print the outputs, and a warning if no subscription of the alarms is confirmed."""
    [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    print(f"{stack} is deployed.")
    for name, value in sorted(outputs.items()):
        print(f"  {name:<22} {value}")
    if ALARM_TOPIC in outputs and not _has_subscribers(sns, outputs[ALARM_TOPIC]):
        print(
            "Warning: nobody receives the alarms. Set AlarmEmail and confirm the mail that comes, or subscribe to "
            f"{outputs[ALARM_TOPIC]}."
        )


def _has_subscribers(sns: Any, topic: str) -> bool:  # noqa: ANN401
    # The ARN of a subscription that is not confirmed is the word PendingConfirmation.
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return any(one["SubscriptionArn"].startswith("arn:") for page in pages for one in page["Subscriptions"])
