"""Tests of the whole stack from outside: they publish events by SQS and get requests at a real HTTP receiver.

One deployment of `infra/template.yaml` on MiniStack serves most tests, with a schedule of seconds. Each test has a
business and a receiver path of its own, so no test sees another's requests and the tests' order does not matter. A
module that needs other parameters, or that breaks AWS, starts a stack of its own. No test waits for a fixed time: each
waits for the result that it expects, with a generous bound. `__main__` is `make test`, which runs both kinds beside
each other.
"""

import pytest

# A failed assertion of these modules is shown with its values, as in the tests themselves.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("browsing", "business", "portal", "queues")))
