"""`make bench`: what `deliver` costs beside references that run in the same rounds; and `portal`'s start and page.

`hello` is the least function on the Lambda runtime. `floor` is the least function that does `deliver`'s work for a
healthy endpoint with the same runtime, SDK and HTTP client (`src/bin/floor.rs` says what it leaves out). The program
`bench` (`src/main.rs`) plays everything that a function talks to, and measures one process.

The programs take turns, so that other work of the machine meets all of them alike. A figure of one machine says little,
but a ratio of two programs in one run can be compared between machines.
"""
