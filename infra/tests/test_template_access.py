"""The template's limits: what each role may do, how often the API is called, and who makes the secrets."""

from collections.abc import Iterator
from typing import Any

import pytest

from .template import FUNCTIONS, of_type, original

SENDER = "MailOwners"
"""The statement that covers every identity of SES. A condition limits it to one sender's address."""
READS = ("BatchGet", "Get", "Query", "Receive", "Scan")
WRITES = {
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "ses:SendEmail",
    "sns:Publish",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:SendMessage",
}
"""Every action of a role that is no read. None deletes an item, or a table, a queue or a secret."""


def statements() -> Iterator[dict[str, Any]]:
    """Give each statement of each role."""
    for role in of_type("AWS::IAM::Role").values():
        for policy in role["Properties"]["Policies"]:
            yield from policy["PolicyDocument"]["Statement"]


def listed(value: object) -> list[Any]:
    """Give the members of a list, or the one value that stands in place of a list."""
    return value if isinstance(value, list) else [value]


def actions() -> set[str]:
    """Give every action that a role allows."""
    return {action for statement in statements() for action in listed(statement["Action"])}


def test_every_role_names_its_actions_and_resources() -> None:
    roles = of_type("AWS::IAM::Role")
    functions = of_type("AWS::Lambda::Function")
    assert set(functions) == set(FUNCTIONS)
    assert len({str(functions[name]["Properties"]["Role"]) for name in FUNCTIONS}) == len(roles), "each has its own"
    assert not any("ManagedPolicyArns" in role["Properties"] for role in roles.values())
    assert [action for action in actions() if "*" in action] == []
    broad = [one for one in statements() if any("*" in str(resource) for resource in listed(one["Resource"]))]
    assert [one["Sid"] for one in broad] == [SENDER]
    assert broad[0]["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "NoticesFrom"}}}


def test_no_role_may_delete_what_is_stored() -> None:
    assert {action for action in actions() if not action.partition(":")[2].startswith(READS)} == WRITES


def limits() -> dict[str, dict[str, int]]:
    """Give the limits of the API, by the route that they are for; the default's is the empty name."""
    [stage] = of_type("AWS::ApiGatewayV2::Stage").values()
    return {"": stage["Properties"]["DefaultRouteSettings"]} | stage["Properties"]["RouteSettings"]


def test_every_route_is_throttled() -> None:
    for route, limit in limits().items():
        assert 0 < limit["ThrottlingRateLimit"] <= 50, route
        assert 0 < limit["ThrottlingBurstLimit"] <= 100, route


def test_routes_that_test_have_stricter_limits_than_all_others() -> None:
    default, *testing = limits().values()
    assert set(limits()) == {"", "POST /api/test", "POST /test"}
    for limit in testing:
        # A test lasts up to 20 seconds: so many seconds' tests can be under way at once.
        assert limit["ThrottlingBurstLimit"] + 20 * limit["ThrottlingRateLimit"] <= 45
        assert limit["ThrottlingRateLimit"] < default["ThrottlingRateLimit"]


@pytest.mark.parametrize("name", ["InternalSecret", "PortalSecret"])
def test_secrets_are_generated_by_aws_and_have_no_default(name: str) -> None:
    secret = of_type("AWS::SecretsManager::Secret")[name]["Properties"]
    assert "SecretString" not in secret
    assert secret["GenerateSecretString"]["PasswordLength"] == 64
    assert [parameter for parameter in original()["Parameters"] if "Secret" in parameter] == []
