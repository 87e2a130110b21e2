"""How many boxes each class has, and classes that may be another one misspelt."""

from collections.abc import Mapping
from difflib import SequenceMatcher

import numpy as np

from anchorprune.datasets.annotations import Annotations

# Likeness of two names (difflib's ratio), and how many times the boxes of the rarer class the other then has.
_ALIKE = ((0.8, 5), (0.65, 50))


def box_counts(found: Annotations) -> dict[str, int]:
    """Category name -> how many boxes it has, crowds too; in the order of the ids."""
    counts = np.bincount(found.category_index, minlength=len(found.category_names))
    return dict(zip(found.category_names, counts.tolist(), strict=True))


def misspelt(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Pairs of a class of few boxes and the class of many that its name is much like.

    Args:
        counts: class -> its boxes; a class without boxes is none to warn of.
    """
    return [
        (rare, usual)
        for rare, few in counts.items()
        for usual, many in counts.items()
        if few and any(many >= times * few and _likeness(rare, usual) >= least for least, times in _ALIKE)
    ]


def _likeness(first: str, second: str) -> float:
    return SequenceMatcher(None, first.casefold(), second.casefold()).ratio()
