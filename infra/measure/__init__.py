"""What the functions cost and how fast they are: `bench` for one function alone, `load` for the whole local stack.

`artifact` looks at the built program from outside. Figures hold for the machine on which they were measured.
"""
