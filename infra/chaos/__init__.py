"""`make chaos`: events are published while everything that can break does, and afterwards each one is accounted for.

`system` is the stack behind the AWS proxy, with fake endpoints. `audit` keeps what was published and finds where each
event ended. `scenarios` are the ways in which things break. `__main__` runs the scenarios and prints their accounts.
The tests run each scenario in a short form.

Chance comes from one seed, which is printed and can be given again as SEED. The same seed makes the same choices in the
same order, but processes and their timing are real: a run is not repeated exactly. What must be repeated exactly, and
clocks that jump, belong to the simulation in virtual time, since the clock of a real process cannot be turned without
turning the machine's.
"""
