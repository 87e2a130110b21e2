"""What a searched layout is held against: as many anchors on each level, drawn at random. NumPy only."""

import numpy as np

from anchorprune.heads.layout import Layout


def random_layout(layout: Layout, seed: int) -> Layout:
    """A layout with as many anchors on each level, and so of equal cost; each such layout is as likely as any other."""
    generator = np.random.default_rng(seed)
    kept, first = [], 0
    for level, count in zip(layout.head.levels, layout.anchors_per_level, strict=True):
        kept += (first + generator.choice(len(level.anchors), count, replace=False)).tolist()
        first += len(level.anchors)
    return Layout.keep(layout.head, kept)
