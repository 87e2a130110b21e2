"""Subsets as the kernels take them: the anchors in which they differ from a parent."""

import numpy as np

from anchorprune.heads.layout import Subset
from anchorprune.scoring.pools import NOTHING

# Up to how many anchors in which a subset differs from its parent it is scored from it: at least these, or this share
# of all. Beyond a fifth or so NMS is redone nearly everywhere (measured: 5 of 30 anchors, 14 of 45, 30 of 90).
NEAR, NEAR_SHARE = 4, 1 / 6


def is_near(subset: Subset, parent: Subset | None, anchors: int) -> bool:
    """Whether a subset of a head of so many anchors is cheaper to score from its parent than from nothing."""
    return parent is not None and len(set(subset) ^ set(parent)) <= max(NEAR, anchors * NEAR_SHARE)


def toggles_of(subsets: list[Subset], parent: Subset) -> np.ndarray:
    """(C, D) int32, the anchors in which each subset differs from its parent, NOTHING beyond the last."""
    different = [sorted(set(subset) ^ set(parent)) for subset in subsets]
    toggles = np.full((len(subsets), max(map(len, different))), NOTHING, np.int32)
    for row, anchors in zip(toggles, different, strict=True):
        row[: len(anchors)] = anchors
    return toggles
