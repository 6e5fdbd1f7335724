"""A second opinion on AWS: the compiled functions against other stand-ins for AWS than MiniStack.

MiniStack is lenient. Here the ledger is `dynalite`, a strict DynamoDB; SQS, SNS and Secrets Manager are `moto`; and
Lambda is a double of its Runtime API with the rules by which it takes messages from a queue. Read in this order:
`template` (what is deployed), `servers` (the stand-ins), `resources` (what the template makes of them), `proxy`
(between function and stand-ins, with an account of what was refused), `runtime` (a function's processes), `recursion`
(Lambda's guard against loops), `mapping` (from the queue to the function), `gateway` (from HTTP to the function),
`stack` (all of it together).

This stand-in checks no permission and has no metrics, no alarms and no logs of AWS's.
"""
