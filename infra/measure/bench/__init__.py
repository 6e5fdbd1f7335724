"""`make bench`: the cost of the release build of `deliver`, measured, never asserted.

`startup` and `cost` measure, and `__main__` prints the figures. The function talks to the fakes `runtime_api`,
`instant_aws` and `receiver`, servers in Python in this process. They bound how many events a second the function can
handle here, so the command gives no such number. The servers do not bound the CPU and memory of the function's own
process, the time until the process asks for work, and the size of the artifact. The time of a first event contains the
servers' answers, and the output says so.

Figures hold for the machine on which they were taken. The ratio of two starts that were measured in turn can be
compared between machines.
"""
