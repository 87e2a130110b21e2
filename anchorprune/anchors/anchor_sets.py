"""Anchor sets: strides, and for each level its anchors as [w, h] in input pixels, as `train --anchors` reads them."""

from collections.abc import Mapping
from typing import Any

from anchorprune.heads.head import Head


def anchor_set(head: Head) -> dict[str, Any]:
    """A head's anchors in the form that `anchorprune train --anchors` reads."""
    levels = [[list(anchor) for anchor in level.anchors] for level in head.levels]
    return {"strides": [level.stride for level in head.levels], "levels": levels}


def expand_anchors(anchor_set: Mapping[str, Any]) -> dict[str, Any]:
    """A listed anchor set with every anchor spelt out: strides, and levels of [w, h] pairs in input pixels."""
    levels = []
    for level in anchor_set["levels"]:
        groups = [level] if isinstance(level, Mapping) else level
        levels.append([anchor for group in groups for anchor in _anchors(group)])
    return {"strides": list(anchor_set["strides"]), "levels": levels}


def _anchors(group: Mapping[str, Any]) -> list[list[float]]:
    anchors = [list(map(float, pair)) for pair in group.get("anchors", [])]
    return anchors + [[s / r**0.5, s * r**0.5] for s in group.get("sizes", []) for r in group.get("ratios", [1])]
