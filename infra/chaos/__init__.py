"""`make chaos`: events are published while everything that can break does, and afterwards each one is accounted for.

`arena` is the stack behind its proxy with a town of endpoints, `books` keeps what was published and audits where each
event ended, `scenarios` are the ways in which things break, `__main__` runs them and tells. A short form of it is among
the tests.

Chance comes from one seed, which is printed and can be given again as SEED. It makes the same choices in the same
order, but processes and their timing are real: a run is not repeated exactly. What must be repeated exactly, and clocks
that jump, belong to the simulation in virtual time, since the clock of a real process cannot be turned without turning
the machine's.
"""
