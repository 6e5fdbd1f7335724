"""The bound of the tests' waits."""

SECONDS = 45
"""Only a wait for something that never happens reaches this bound."""
