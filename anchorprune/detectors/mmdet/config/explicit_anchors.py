"""Anchors given one by one, any number per level."""

from collections.abc import Sequence

import torch
from mmdet.models.task_modules.prior_generators import AnchorGenerator
from mmdet.registry import TASK_UTILS
from torch import Tensor
from torch.nn.modules.utils import _pair


@TASK_UTILS.register_module()
class ExplicitAnchorGenerator(AnchorGenerator):
    """Anchors listed per level as (w, h), in place of a formula; a level may list none.

    Anchors are centred in their cell, at `(index + 0.5) * stride`, unless `centers` says otherwise.

    Args:
        strides: distance of neighbouring cells on each level, input pixels.
        anchors: for each level, its anchors' (w, h), input pixels.
        centers: for each level, the (x, y) centre of the anchors of cell (0, 0), input pixels; default half a stride.
    """

    def __init__(
        self,
        strides: Sequence[int],
        anchors: Sequence[Sequence[Sequence[float]]],
        centers: Sequence[Sequence[float]] | None = None,
    ) -> None:
        if len(strides) != len(anchors):
            raise ValueError(f"{len(strides)} strides but anchors for {len(anchors)} levels; give one list per level")
        self.strides = [_pair(stride) for stride in strides]
        self.centers = [(sx / 2, sy / 2) for sx, sy in self.strides] if centers is None else list(centers)
        self.center_offset = 0.5
        self.use_box_type = False
        self.base_anchors = [_corners(level, center) for level, center in zip(anchors, self.centers, strict=True)]

    @property
    def num_base_priors(self) -> list[int]:
        """Anchors on each level."""
        return [len(anchors) for anchors in self.base_anchors]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(strides={self.strides}, anchors per level={self.num_base_priors})"


def _corners(anchors: Sequence[Sequence[float]], center: Sequence[float]) -> Tensor:
    """(n, 2) widths and heights around a centre -> (n, 4) float32 corners x1 y1 x2 y2."""
    size = torch.tensor([list(anchor) for anchor in anchors], dtype=torch.float64).reshape(-1, 2)
    middle = torch.tensor(list(center), dtype=torch.float64)
    return torch.cat([middle - size / 2, middle + size / 2], dim=1).float()
