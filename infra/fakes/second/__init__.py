"""A second opinion on AWS: the compiled functions against other stand-ins for AWS than MiniStack.

MiniStack is lenient. Here the ledger is `dynalite`, a strict DynamoDB. SQS, SNS and Secrets Manager are `moto`. Lambda
and API Gateway, which MiniStack brings along, are made here, with the rules by which Lambda takes messages from a
queue.

Read in this order: `template` (the resources that are deployed), `servers` (the stand-ins), `resources` (made from the
template in the stand-ins), `proxy` (the `aws_proxy` of this stack), `runtime` (a function's processes), `recursion`
(Lambda's guard against loops), `mapping` (from the queue to the function), `gateway` (from HTTP to the function),
`stack` (all of them together).

This stand-in checks no permission and has no metrics, no alarms and no logs of AWS's.
"""
