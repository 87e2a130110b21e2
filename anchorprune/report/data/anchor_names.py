"""Anchors of all levels in columns of one shape each: what heat maps and colours are arranged by."""

from collections import Counter
from fractions import Fraction

from anchorprune.heads.head import Head

LARGEST_TERM = 6  # ratios up to 1:6 have a name of whole numbers
CLOSE = 0.02  # a ratio this close (relative) to whole numbers is called by them


def shape_columns(head: Head) -> tuple[list[str], list[int]]:
    """Group a head's anchors by shape.

    Anchors of the same ratio share a column; of several on a level, the smaller come first (`1st`, `2nd` ..; `#1` would
    be an anchor's index). Where the levels have no ratios in common (anchors from k-means, YOLO's), the columns are the
    places on the level.

    Returns:
        the columns' names, from wide to high, and (A,) the column of each anchor.
    """
    keys = [key for level in head.levels for key in _level_keys(level.anchors)]
    most = max(len(level.anchors) for level in head.levels)
    if len(set(keys)) > 2 * most:
        places = [place for level in head.levels for place in range(len(level.anchors))]
        return [f"no. {place}" for place in range(most)], places
    ordered = sorted(set(keys), key=lambda key: (key[0], key[1]))
    several = {ratio for ratio, rank in keys if rank > 1}
    names = [_ratio_name(ratio) + (f", {_nth(rank)}" if ratio in several else "") for ratio, rank in ordered]
    return names, [ordered.index(key) for key in keys]


def _level_keys(anchors: tuple[tuple[float, float], ...]) -> list[tuple[Fraction, int]]:
    """(height over width, which by size among those of this ratio) of each anchor of a level."""
    ratios = [_ratio(*anchor) for anchor in anchors]
    ranks, count = {}, Counter()
    for i in sorted(range(len(anchors)), key=lambda i: anchors[i][0] * anchors[i][1]):
        count[ratios[i]] += 1
        ranks[i] = count[ratios[i]]
    return [(ratio, ranks[i]) for i, ratio in enumerate(ratios)]


def _ratio(width: float, height: float) -> Fraction:
    """Height over width, in small whole numbers where it is close to them, else to two decimals."""
    ratio = height / width
    small = Fraction(ratio).limit_denominator(LARGEST_TERM)
    if small and abs(small / ratio - 1) < CLOSE:
        return small
    return Fraction(round(100 * ratio) or 1, 100)


def _ratio_name(ratio: Fraction) -> str:
    """A ratio as width:height."""
    if max(ratio.numerator, ratio.denominator) <= LARGEST_TERM:
        return f"{ratio.denominator}:{ratio.numerator}"
    return f"{float(1 / ratio):.2f}:1" if ratio < 1 else f"1:{float(ratio):.2f}"


def _nth(rank: int) -> str:
    return f"{rank}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rank, 'th') }"
