"""What a head family has to say: all that is known of one of mmdet's heads and that others do not share."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from mmengine.config import ConfigDict
from torch import Tensor, nn

from anchorprune.detectors.mmdet.families.pairs import Pairs
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import ChannelSlice

if TYPE_CHECKING:  # it needs onnx, which only `deploy` does
    from anchorprune.deploy.onnx.coding import Coding


class Family(Protocol):
    """One of mmdet's heads, and its form with explicit anchors; one file and one object a family, without state.

    The methods are given the head that they speak of: `prunable`, or what derives from it.

    Attributes:
        plain: mmdet's class. A class that derives from it and predicts alike is of this family too.
        prunable: the subclass of `plain` that takes any number of anchors on each level, none included. It is
            registered with mmdet's `MODELS`, and takes `plain`'s weights where no anchor is gone.
        outputs: what the head's raw outputs are called in ONNX models, in the head's order.
        generators: mmdet's anchor generators that `plain` is tried with on the way back, its usual one first.
    """

    plain: type[nn.Module]
    prunable: type[nn.Module]
    outputs: tuple[str, ...]
    generators: tuple[str, ...]

    @abstractmethod
    def level_macs(self, head: nn.Module, level: int, grid: tuple[int, int]) -> tuple[int, int]:
        """(fixed, per anchor) multiply-accumulates of one level of (H, W) cells: `macs_fixed`, `macs_per_anchor`."""

    @abstractmethod
    def channels(self, head: nn.Module) -> tuple[int, ...]:
        """Channels of one anchor in each of the head's raw outputs, where the anchor is the slowest index."""

    @abstractmethod
    def anchor_slices(self, head: nn.Module, anchors: Sequence[Sequence[int]]) -> list[ChannelSlice]:
        """The output channels of each level's `anchors`, given by position within the level, in that order.

        Raises:
            UserError: the head cannot have these anchors in this order.
        """

    def channel_slices(self, head: nn.Module, layout: Layout) -> list[ChannelSlice]:
        """Which output channels of which layers survive in `layout`, names with the detector's `bbox_head.`.

        Layers that only levels without anchors use must go too: what is left must be what `prunable` has.
        """
        return self.anchor_slices(head, layout.kept_per_level)

    def prune_config(self, cfg: ConfigDict, head: nn.Module, layout: Layout) -> None:
        """Change a head's config to `layout`'s, in place, beyond its anchor list; `head` is the one with all anchors.

        Nothing, where every level has layers of its own.
        """

    def plain_config(self, cfg: ConfigDict) -> None:
        """Leave out of a head's config what only `prunable` knows, in place, beyond its type and anchor list.

        Raises:
            UserError: `plain` cannot be what this config says.
        """

    def later_names(self, name: str) -> list[str]:
        """What a parameter of a detector with this head, named as in older files, may be called in mmdet 3."""
        return []

    def score_threshold(self, test_cfg: ConfigDict) -> float:
        """Of the predictions file: the score that candidates exceed. The detector's own, where it is on the score."""
        return float(test_cfg.get("score_thr", 0))

    @abstractmethod
    def pairs(self, head: nn.Module, outputs: Sequence[Tensor], test_cfg: ConfigDict) -> Pairs:
        """The (box, class) pairs of one level of one image, from its raw outputs, each (A * channels, H, W)."""

    @abstractmethod
    def decode(self, head: nn.Module, level: int, priors: Tensor, codes: Tensor, shape: tuple[int, int]) -> Tensor:
        """(n, 4) anchors x1 y1 x2 y2 and codes -> (n, 4) boxes x1 y1 x2 y2, input pixels, of an image of (H, W)."""

    @abstractmethod
    def coding(self, head: nn.Module, test_cfg: ConfigDict, input_size: tuple[int, int]) -> "Coding":
        """How an ONNX model of (W, H) input pixels reads the raw outputs: `pairs` and `decode` again.

        Raises:
            UserError: they have no ONNX form.
        """
