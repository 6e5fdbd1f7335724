"""The whole stack, tested from outside: events go in by SQS, requests come out at a real HTTP receiver.

One deployment of `infra/template.yaml` on MiniStack serves all tests, with a schedule of seconds. Each test has a
business and a receiver path of its own, so none sees another and their order does not matter. Nothing waits a fixed
time: a test waits for what it expects, with a generous bound.
"""

import pytest

# So that what they assert is shown with what it was, as in the tests themselves.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("browsing", "business", "portal", "queues")))
