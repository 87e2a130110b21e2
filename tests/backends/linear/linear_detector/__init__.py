"""A detector in NumPy alone: at each cell of each level, an anchor is a few linear outputs of what the cell looks like.

It is the second backend of the tests, and the example of docs/how-to-add.md.
"""
