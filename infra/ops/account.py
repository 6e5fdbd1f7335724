"""Clients for the account that the AWS environment names, which is the local stack where AWS_ENDPOINT_URL says so.

Only the operator's commands use this module. Code that never leaves the local stack gets its clients from `stack`.
"""

import os
from typing import Any

import boto3
from botocore.config import Config


def client(service: str, config: Config | None = None) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """Make a client of an AWS service."""
    config = config or Config()
    # The environment's proxy, which may lead to AWS, does not lead to the local stack.
    if "127.0.0.1" in os.environ.get("AWS_ENDPOINT_URL", ""):
        config = config.merge(Config(proxies={}))
    return boto3.session.Session().client(service, config=config)
