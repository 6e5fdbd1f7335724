"""The local side of the project: the real stack on one machine, without Docker and without an AWS account.

`make run`, `make invoke` and the tests in `infra/tests` are built from these modules, read in this order: `environment`
(where things are, which variables processes inherit), `processes`, `ministack`, `template`, `stack` (build, deploy,
outputs), `functions` (the processes in which functions run), `business`, `ledger` and `signatures` (the contract of the
tables and of the requests), `demo_data`, then the commands `run` and `invoke`.

No module here is deployed, and none of them knows how a delivery works inside: they publish, receive and look. The
business's endpoint and the other stand-ins are in `infra/fakes`, the operator's commands in `infra/ops`.
"""
