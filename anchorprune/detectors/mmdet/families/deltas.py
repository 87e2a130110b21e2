"""Families with two raw outputs, class logits and box deltas: most of mmdet's anchor heads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmdet.models.dense_heads.anchor_head import AnchorHead
from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder
from mmengine.config import ConfigDict
from torch import Tensor

from anchorprune.detectors.mmdet.families.family import Family
from anchorprune.detectors.mmdet.families.pairs import Pairs, rows
from anchorprune.errors import UserError

if TYPE_CHECKING:
    from anchorprune.deploy.onnx.coding import Coding


class DeltaFamily(Family):
    """What mmdet's `AnchorHead` makes of its outputs: sigmoids, or softmaxes whose last class is the background."""

    outputs = ("cls", "reg")

    def channels(self, head: AnchorHead) -> tuple[int, ...]:
        """See Family."""
        return head.cls_out_channels, 4

    def pairs(self, head: AnchorHead, outputs: Sequence[Tensor], test_cfg: ConfigDict) -> Pairs:
        """See Family; (A * C, H, W) class logits, with the background's among them if any, and (A * 4, H, W) deltas."""
        logits = rows(outputs[0], head.cls_out_channels)
        scores = logits.sigmoid() if head.use_sigmoid_cls else logits.softmax(-1)[:, :-1]
        return Pairs(scores, scores > self.score_threshold(test_cfg), rows(outputs[1], 4))

    def decode(self, head: AnchorHead, level: int, priors: Tensor, codes: Tensor, shape: tuple[int, int]) -> Tensor:
        """See Family; boxes are clipped to the image."""
        return head.bbox_coder.decode(priors, codes, max_shape=shape)

    def coding(self, head: AnchorHead, test_cfg: ConfigDict, input_size: tuple[int, int]) -> "Coding":
        """See Family; only the plain `DeltaXYWHBBoxCoder` has an ONNX form."""
        from anchorprune.deploy.onnx.coding import DeltaCoding, delta_max_ratio

        coder = head.bbox_coder
        if type(coder) is not DeltaXYWHBBoxCoder or coder.add_ctr_clamp:
            raise UserError(f"box coder {type(coder).__name__} has no ONNX form here; DeltaXYWHBBoxCoder has")
        clip = input_size if coder.clip_border else None
        background = not head.use_sigmoid_cls
        return DeltaCoding(head.num_classes, background, tuple(coder.means), tuple(coder.stds), delta_max_ratio(), clip)
