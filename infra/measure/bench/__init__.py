"""`make bench`: the cost of the release build of `deliver`, measured, never asserted.

`startup` and `cost` measure, with `infra.fakes.instant_servers` for everything that the function talks to. `__main__`
prints the figures. Figures hold for the machine on which they were taken; the ratio of two starts that were measured in
turn can be compared between machines.
"""
