"""The functions' cost and speed: `bench` measures one function alone, `load` the whole local stack.

`artifact` reads the built program. Figures hold for the machine on which they were measured.
"""
