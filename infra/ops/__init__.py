"""The operator's commands, for production as well as for the local stack: `deploy` and `redrive`.

`account` makes the commands' clients, for the AWS account that the environment names.
"""
