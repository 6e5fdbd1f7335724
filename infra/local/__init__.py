"""The local side of the project: the real stack on one machine, without Docker and without an AWS account.

`make run`, `make invoke` and the tests in `infra/tests` use these modules. Read them in this order: `environment`
(folders, and the variables that processes inherit), `processes`, `ministack`, `template`, `stack` (build, deploy,
outputs), `functions` (the processes in which functions run), `business`, `ledger` and `signatures` (the contract of the
tables and of the requests), `demo_data`, then the commands `run` and `invoke`.

No module here is deployed, and none depends on how a delivery works inside: they publish events, receive requests and
read tables. The businesses' endpoints and the stand-ins for AWS are in `infra/fakes`, the operator's commands in
`infra/ops`.
"""
