"""Subsets as the kernels take them: the anchors in which they differ from a parent."""

import numpy as np

from anchorprune.heads.layout import Subset
from anchorprune.scoring.pools import NOTHING

NEAR = 4  # a subset that differs in more anchors than this is scored from nothing


def is_near(subset: Subset, parent: Subset | None) -> bool:
    """Whether a subset is cheaper to score from its parent."""
    return parent is not None and len(set(subset) ^ set(parent)) <= NEAR


def toggles_of(subsets: list[Subset], parent: Subset) -> np.ndarray:
    """(C, D) int32, the anchors in which each subset differs from its parent, NOTHING beyond the last."""
    different = [sorted(set(subset) ^ set(parent)) for subset in subsets]
    toggles = np.full((len(subsets), max(map(len, different))), NOTHING, np.int32)
    for row, anchors in zip(toggles, different, strict=True):
        row[: len(anchors)] = anchors
    return toggles
