"""The local side of the project: the real stack on one machine, without Docker and without an account.

`make run`, `make invoke`, `make bench` and the tests in `infra/tests` are built from these modules, read in this order:
`environment` (where things are, what processes inherit), `processes`, `ministack`, `template`, `stack` (build, deploy,
outputs), `signatures` and `receiver` (the business's side), then the commands `run`, `invoke` and `bench`.

`second` is another local side, of stand-ins for AWS that are stricter than MiniStack.

Beside them stand the operator's commands, for an account as for the local stack: `deploy` and `redrive`.

Nothing here is deployed, and nothing here knows how a delivery works inside: it only publishes, receives and looks.
"""
