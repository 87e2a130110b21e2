"""Slicing: from a layout to a physically smaller state dict. Works on any array type with integer indexing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ChannelSlice:
    """Which anchors' output channels of one layer survive.

    Attributes:
        prefix: start of the layer's parameter names, up to and with the last dot.
        kept: positions within the level of the anchors that stay; empty removes the layer.
        width: output channels of one anchor; the anchor is the slowest index.
    """

    prefix: str
    kept: tuple[int, ...]
    width: int

    @property
    def channels(self) -> list[int]:
        """Indices of the output channels that stay, ascending."""
        return [anchor * self.width + i for anchor in self.kept for i in range(self.width)]


def slice_state(state: Mapping[str, Any], slices: Iterable[ChannelSlice]) -> dict[str, Any]:
    """A state dict with only the kept channels of the sliced layers; every other entry is passed on as it is."""
    slices = list(slices)
    result = {}
    for name, value in state.items():
        found = next((s for s in slices if name.startswith(s.prefix)), None)
        if found is None:
            result[name] = value
        elif found.kept:
            result[name] = value[found.channels]
    return result
