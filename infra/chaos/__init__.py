"""`make chaos`: events are published while processes, endpoints and AWS break; then every event is accounted for.

`system` is the stack behind the AWS proxy, with a receiver. `audit` records the published events and finds where each
of them ended. `scenarios` are the ways in which the system breaks. `__main__` runs the scenarios and prints their
accounts. The tests run each scenario in a short form.

The function runs at `LogLevel=DEBUG`. In the end the pure code is run with the replies in its log, and must make the
calls in its log (`infra.local.conformance`).

Chance comes from one seed, which is printed and can be given again as SEED. The same seed makes the same choices in the
same order, but processes and their timing are real, so a run is not repeated exactly. The simulation in virtual time
covers exact repetition and clocks that jump, since a real process has the machine's clock.
"""
