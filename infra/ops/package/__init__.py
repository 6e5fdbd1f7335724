"""`make package`: a release that can be deployed without Rust.

Everything in the package follows from the commit and the tools alone: the programs, the zips, the template and the list
of components are the same bytes in every folder and at every time.
"""
