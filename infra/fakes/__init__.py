"""Everything that plays somebody else: the businesses' endpoints, and stand-ins for AWS or for parts of it.

`http_server` is the asynchronous server that most of them run on. `receiver` is a business's endpoint that follows a
script and records what arrives; `fake_endpoints` are thousands of endpoints that answer by chance. `aws_proxy` stands
between the functions and a local AWS, counts calls and breaks them by rule, with the errors of `aws_errors` and over
the connections of `upstream`; `fake_move_tasks` answers in it for operations that MiniStack lacks. `instant_servers`
are everything that `make bench` needs, reduced to its answers. `second` is a complete second stand-in for AWS, stricter
than MiniStack.

No module here is deployed, and none of them judges what it sees: tests and commands do.
"""
