"""Slicing an SSD of torchvision: from a layout to a smaller head and the weights that it keeps."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.networks import build
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import ChannelSlice, slice_state

_LAST = {"ssd300_vgg16": "", "ssdlite320_mobilenet_v3_large": "1."}  # of a level, the layer whose channels are anchors'


def slice_head(head: Head, layout: Layout) -> Head:
    """The head of a layout; a level that is dropped stays, without anchors."""
    pairs = zip(head.levels, layout.kept_per_level, strict=True)
    levels = tuple(replace(level, anchors=tuple(level.anchors[k] for k in kept)) for level, kept in pairs)
    return replace(head, levels=levels)


def slice_weights(state: Mapping[str, Tensor], facts: Facts, head: Head, layout: Layout) -> dict[str, Tensor]:
    """The weights of a layout: the channels of its anchors, and of the layers before them those that it needs.

    torchvision numbers the levels that there are, so that those after a dropped one get lower numbers.
    """
    had = [i for i, level in enumerate(head.levels) if level.anchors]
    slices, names = [], {}
    for tower, width in (("classification_head", facts.outputs), ("regression_head", 4)):
        stays = 0
        for place, level in enumerate(had):
            kept, prefix = layout.kept_per_level[level], f"head.{tower}.module_list.{place}."
            slices.append(ChannelSlice(f"{prefix}{_LAST[facts.architecture]}", tuple(kept), width))
            names[prefix] = f"head.{tower}.module_list.{stays}." if kept else None
            stays += bool(kept)
    wanted, result = build(facts, slice_head(head, layout)).state_dict(), {}
    for name, value in slice_state(state, slices).items():
        old = next((prefix for prefix in names if name.startswith(prefix)), None)
        new = name if old is None else names[old] and names[old] + name.removeprefix(old)
        if new in wanted:  # else of a dropped level, or of the backbone beyond the last level that is kept
            result[new] = value
    return result
