"""The bound of the tests' waits."""

SECONDS = 45
"""Far longer than anything takes, so that only a wait for what never comes reaches the bound."""
