"""Clients for the account that the AWS environment names, which is the local stack where AWS_ENDPOINT_URL says so.

For the commands of an operator. What only ever talks to the local stack has its clients from `stack`.
"""

import os
from typing import Any

import boto3
from botocore.config import Config


def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """Make a client of an AWS service."""
    # The local stack is not behind the proxy that an account may be behind.
    direct = Config(proxies={}) if "127.0.0.1" in os.environ.get("AWS_ENDPOINT_URL", "") else None
    return boto3.session.Session().client(service, config=direct)
