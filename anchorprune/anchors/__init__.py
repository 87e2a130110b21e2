"""Anchor shapes: how well they fit a data set, k-means and random controls, the published order."""
