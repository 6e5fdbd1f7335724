"""`make bench`: what the release build of `deliver` costs, measured, never asserted.

`servers` play everything that the function talks to, `startup` and `load` measure, `__main__` tells. Figures hold for
the machine they were taken on; the ratio of two starts measured in turn is what can be compared between machines.
"""
