"""Stand-ins for the businesses' endpoints, for AWS, and for parts of AWS.

Each has one stand-in. `http_server` is the asynchronous server on which all of them run. `receiver` has the endpoints
of any number of businesses. `aws_proxy` stands between the functions and a local AWS, counts calls and breaks
them by rule, with the errors of `aws_errors` and over the connections of `upstream`; `fake_move_tasks` answers in it
for operations that MiniStack lacks. `runtime_api` gives a function's process its invocations. `second` is a complete
second stand-in for AWS, stricter than MiniStack, made of these modules and others' servers.

No module here is deployed, and none judges the requests that it gets: tests and commands do.
"""
