"""Anchor sets: strides, and for each level its anchors as [w, h] in input pixels, as `train --anchors` reads them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.head import Head


def anchor_set(head: Head) -> dict[str, Any]:
    """A head's anchors in the form that `anchorprune train --anchors` reads."""
    levels = [[list(anchor) for anchor in level.anchors] for level in head.levels]
    return {"strides": [level.stride for level in head.levels], "levels": levels}


def read_anchor_set(path: str | Path) -> dict[str, Any]:
    """Read a file of that form.

    Raises:
        UserError: it is missing, no JSON, or has not a stride and a list of [w, h] above zero for each level.
    """
    value = read_json(path, "anchor set")
    try:
        strides = [int(stride) for stride in value["strides"]]
        levels = [[[float(w), float(h)] for w, h in level] for level in value["levels"]]
        sides = [side for level in levels for pair in level for side in pair]
        paired = strides == value["strides"] and len(strides) == len(levels)
        if paired and min(strides) > 0 and all(0 < side < math.inf for side in sides):
            return {"strides": strides, "levels": levels}
    except (KeyError, TypeError, ValueError, OverflowError):
        pass
    raise UserError(
        f'{path}: is no anchor set; it must be {{"strides": [8, ..], "levels": [[[w, h], ..], ..]}}, in pixels'
    )


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
