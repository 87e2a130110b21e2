"""Searches for subsets of anchors that keep AP and cost less: one method a file, over one scorer."""
