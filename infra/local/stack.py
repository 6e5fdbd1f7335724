"""The stack of `infra/template.yaml`, deployed on MiniStack by the SAM command of `make deploy`.

A stack lasts as long as its block: `with running_stack(...) as stack`. The stack ends without a trace, since all
of it lives in one process and one temporary folder.

The deployed template is the built one without the parts that MiniStack refuses (`template.for_ministack`). Where
MiniStack differs from AWS otherwise, this module corrects it after the deployment.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.fakes.aws_proxy import AwsProxy

from . import environment, template
from .building import BUILT, BUILT_TEMPLATE, CONFIGURATION
from .ministack import Ministack, ministack
from .processes import Failure, finish

NAME = "prosaas-webhooks"
DEPLOYED_TEMPLATE = BUILT / "ministack.json"
"""This file lies beside the built template, since both name the functions' code relative to themselves."""

LOCAL_PARAMETERS = {"Architecture": environment.ARCHITECTURE, "UnsafeTargets": "YesForLocalTestsOnly"}


@dataclass(frozen=True)
class Built:
    """A template whose functions are built, and the configuration by which SAM deploys it."""

    template: Path
    configuration: Path


BUILD = Built(BUILT_TEMPLATE, CONFIGURATION)
"""What `build` built."""


@dataclass(frozen=True)
class Stack:
    """A deployed stack: where it is, what it is called, and clients to look at it with."""

    endpoint: str
    outputs: dict[str, str]
    """The stack's outputs, by the names that the template gives them."""
    process: int | None = None
    """The id of the local stack's process, where this process started it."""

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Make a client of an AWS service that talks to the local stack and nowhere else."""
        return _session().client(service, endpoint_url=self.endpoint_of(service), config=_DIRECT)

    def endpoint_of(self, _service: str) -> str:
        """Give the endpoint of an AWS service: the local stack has one for all."""
        return self.endpoint

    @cached_property
    def queue(self) -> Any:  # noqa: ANN401
        """The SQS client."""
        return self.client("sqs")

    @cached_property
    def settings(self) -> Any:  # noqa: ANN401
        """The settings table."""
        return self._table("SettingsTableName")

    @cached_property
    def deliveries(self) -> Any:  # noqa: ANN401
        """The deliveries table."""
        return self._table("DeliveriesTableName")

    @cached_property
    def internal_secret(self) -> str:
        """The secret behind the operator's signature, which the stack generated."""
        return self._secret("InternalSecretArn")

    @cached_property
    def portal_secret(self) -> str:
        """The secret behind owners' links, which the stack generated."""
        return self._secret("PortalSecretArn")

    @cached_property
    def function(self) -> dict[str, Any]:
        """The configuration of `deliver`."""
        return self._configuration("DeliverFunctionName")

    def function_log(self, since: float = 0) -> list[str]:
        """Give what `deliver` has written since a time in Unix seconds, with Lambda's own lines around it."""
        return self._log(self.function, since)

    def sweep(self) -> dict[str, int]:
        """Invoke `sweep`, as its schedule does, and give its answer."""
        answer = self.client("lambda").invoke(FunctionName=self.outputs["SweepFunctionName"], Payload=b"{}")
        return json.loads(answer["Payload"].read())

    def sweep_log(self) -> list[str]:
        """Give everything that `sweep` has written so far."""
        return self._log(self._configuration("SweepFunctionName"), 0)

    def portal_log(self) -> list[str]:
        """Give everything that `portal` has written so far."""
        return self._log(self._configuration("PortalFunctionName"), 0)

    def notify_log(self) -> list[str]:
        """Give everything that `notify` has written so far."""
        return self._log(self._configuration("NotifyFunctionName"), 0)

    def _table(self, output: str) -> Any:  # noqa: ANN401
        resource = _session().resource("dynamodb", endpoint_url=self.endpoint_of("dynamodb"), config=_DIRECT)
        return resource.Table(self.outputs[output])

    def _secret(self, output: str) -> str:
        return self.client("secretsmanager").get_secret_value(SecretId=self.outputs[output])["SecretString"]

    def _configuration(self, output: str) -> dict[str, Any]:
        return self.client("lambda").get_function_configuration(FunctionName=self.outputs[output])

    def _log(self, configuration: dict[str, Any], since: float) -> list[str]:
        logs, group = self.client("logs"), configuration["LoggingConfig"]["LogGroup"]
        start, lines = int(since * 1000), []
        while True:
            events = logs.filter_log_events(logGroupName=group, startTime=start)["events"]
            if len(events) < _MOST_EVENTS:
                return lines + [event["message"] for event in events]
            # The next request gives all events of the last millisecond again, so they are left to that request.
            start, before = events[-1]["timestamp"], start
            if start == before:
                raise Failure(f"More than {_MOST_EVENTS} log lines within a millisecond")
            lines += [event["message"] for event in events if event["timestamp"] < start]


@contextmanager
def running_stack(
    parameters: dict[str, str],
    port: int | None = None,
    logs: Path = environment.RUN,
    aws_proxy: AwsProxy | None = None,
    built: Built = BUILD,
) -> Iterator[Stack]:
    """Start MiniStack, deploy what `build` built, and stop all of it at the end of the block.

    With `aws_proxy`, the functions reach AWS only through that proxy. With `built`, something else is deployed.
    """
    with ministack(port, logs / "ministack.log", aws_proxy and aws_proxy.endpoint) as running:
        if aws_proxy:
            aws_proxy.forward_to = running.endpoint
        yield _deploy(running, LOCAL_PARAMETERS | parameters, logs / "deploy.log", built)


def _deploy(running: Ministack, parameters: dict[str, str], log: Path, built: Built) -> Stack:
    endpoint = running.endpoint
    deployed = built.template.with_name(DEPLOYED_TEMPLATE.name)
    template.write(template.for_ministack(template.read(built.template)), deployed)
    argv = [
        *environment.SAM,
        "deploy",
        f"--config-file={built.configuration}",
        f"--template-file={deployed}",
        "--no-progressbar",
        "--no-confirm-changeset",
        "--parameter-overrides",
        *(f"{name}={value}" for name, value in parameters.items()),
    ]
    finish(argv, environment.using(endpoint), log, environment.ROOT, "sam deploy", seconds=300)
    described = Stack(endpoint, {}).client("cloudformation").describe_stacks(StackName=NAME)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    stack = Stack(endpoint, outputs, running.process)
    _say_numbers_again(stack)
    return stack


def _say_numbers_again(stack: Stack) -> None:
    # MiniStack keeps a number that a mapping got by !Ref of a parameter as text, and its poller then fails for all.
    functions = stack.client("lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        maximum = int(mapping["ScalingConfig"]["MaximumConcurrency"])
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": maximum})


def _session() -> Any:  # noqa: ANN401
    return boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=environment.REGION)


_MOST_EVENTS = 10_000
"""How many log lines MiniStack gives at most. It gives no token for the lines that follow."""

# An empty set of proxies replaces that of the environment, which does not lead to this machine.
_DIRECT = Config(proxies={}, retries={"max_attempts": 2})
