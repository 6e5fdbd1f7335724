"""The whole stack, tested from outside: events go in by SQS, requests come out at a real HTTP receiver.

One deployment of `infra/template.yaml` on MiniStack serves most tests, with a schedule of seconds. Each test has a
business and a receiver path of its own, so no test sees another's and their order does not matter. A module that needs
other parameters, or that breaks AWS, starts a stack of its own. No test waits a fixed time: each waits for what it
expects, with a generous bound. `__main__` is `make test`, which runs both kinds beside each other.
"""

import pytest

# So that what they assert is shown with what it was, as in the tests themselves.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("browsing", "business", "portal", "queues")))
