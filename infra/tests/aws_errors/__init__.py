"""Tests of a stack whose calls to AWS fail: a failing table, queue or topic may delay an event and never loses it.

The functions reach AWS through a proxy that breaks one operation for one business at a time. `test_calls` counts the
calls of a delivery by the same proxy.
"""
