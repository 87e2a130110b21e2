"""The YOLOv3 family: one convolution per level predicts boxes, objectness and classes of its anchors.

On each level a 3x3 convolution (`convs_bridge`) is followed by a 1x1 convolution (`convs_pred`) of `A * (5 + C)`
channels with the anchor as the slowest index: x, y, w, h, objectness, classes. Levels go coarsest first.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from mmdet.models.dense_heads import YOLOV3Head
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.model import bias_init_with_prob, constant_init, normal_init
from mmengine.structures import InstanceData
from torch import Tensor, nn

from anchorprune.detectors.mmdet.families.family import Family
from anchorprune.detectors.mmdet.families.pairs import Pairs, rows
from anchorprune.heads.layout import Layout
from anchorprune.heads.slicing import ChannelSlice

if TYPE_CHECKING:
    from anchorprune.deploy.onnx.coding import Coding


@MODELS.register_module()
class PrunableYOLOV3Head(YOLOV3Head):
    """mmdet's YOLOV3Head with any number of anchors on each level; a level may have none, and then no layers.

    Prediction differs from mmdet's in one point: `nms_pre` keeps the best (box, class) pairs of each *level* by their
    final score, class score times objectness, as our other heads and the predictions file have it. mmdet's keeps the
    best of *all levels* by class score alone, so its choice changes with what other levels predict. The thresholds
    are mmdet's: `score_thr` on the class score, `conf_thr` on the objectness. Where
    no more than `nms_pre` pairs pass on all levels together, detections are mmdet's.
    """

    def _init_layers(self) -> None:
        self.num_base_priors = 1  # mmdet makes every level alike; the last layers are made anew below
        super()._init_layers()
        self.num_base_priors = self.prior_generator.num_base_priors
        for level, count in enumerate(self.num_base_priors):
            if count:
                self.convs_pred[level] = nn.Conv2d(self.out_channels[level], count * self.num_attrib, 1)
            else:
                self.convs_bridge[level] = nn.Sequential()
                self.convs_pred[level] = nn.Sequential()

    def init_weights(self) -> None:
        """Initialise as mmdet's YOLOV3Head: 8 objects per feature map, class probability 0.01."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                normal_init(module, mean=0, std=0.01)
            elif isinstance(module, nn.modules.batchnorm._BatchNorm):
                constant_init(module, 1)
        for layer, stride, count in zip(self.convs_pred, self.featmap_strides, self.num_base_priors, strict=True):
            if count:
                bias = layer.bias.data.view(count, self.num_attrib)
                bias[:, 4] = bias_init_with_prob(8 / (608 / stride) ** 2)
                bias[:, 5:] = bias_init_with_prob(0.01)

    def forward(self, x: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...]]:
        """Per level (N, A * (5 + C), H, W) raw predictions."""
        maps = []
        for feature, bridge, last, count in zip(
            x, self.convs_bridge, self.convs_pred, self.num_base_priors, strict=True
        ):
            empty = feature.new_zeros(feature.shape[0], 0, *feature.shape[2:])
            maps.append(last(bridge(feature)) if count else empty)
        return (tuple(maps),)

    def loss_by_feat_single(self, pred_map: Tensor, target_map: Tensor, neg_map: Tensor) -> tuple[Tensor, ...]:
        """Losses of one level: classes, objectness, xy, wh; zeros on a level without anchors."""
        if pred_map.shape[1] == 0:
            return (pred_map.sum(),) * 4
        return super().loss_by_feat_single(pred_map, target_map, neg_map)

    def predict_by_feat(
        self,
        pred_maps: Sequence[Tensor],
        batch_img_metas: list[dict[str, Any]],
        cfg: ConfigDict | None = None,
        rescale: bool = False,
        with_nms: bool = True,
    ) -> list[InstanceData]:
        """Detections of each image: `bboxes` (n, 4) x1 y1 x2 y2, `scores` (n,) and `labels` (n,)."""
        cfg = self.test_cfg if cfg is None else cfg
        priors = self.prior_generator.grid_priors([m.shape[-2:] for m in pred_maps], device=pred_maps[0].device)
        found = []
        for i, meta in enumerate(batch_img_metas):
            levels = [
                self._level_candidates(level, (output[i],), prior, cfg)
                for level, (output, prior) in enumerate(zip(pred_maps, priors, strict=True))
            ]
            results = InstanceData.cat(levels)
            found.append(self._bbox_post_process(results, cfg, rescale=rescale, with_nms=with_nms, img_meta=meta))
        return found

    def _level_candidates(self, level: int, outputs: Sequence[Tensor], prior: Tensor, cfg: ConfigDict) -> InstanceData:
        """The pairs of one level that enter NMS, the best first."""
        scores, passing, codes = YOLOv3().pairs(self, outputs, cfg)
        row, label = passing.nonzero(as_tuple=True)
        score, order = scores[row, label].sort(descending=True, stable=True)
        most = cfg.get("nms_pre", -1)
        if most > 0:
            score, order = score[:most], order[:most]
        row = row[order]
        boxes = self.bbox_coder.decode(prior[row], codes[row], self.featmap_strides[level])
        return InstanceData(scores=score, labels=label[order], bboxes=boxes)


class YOLOv3(Family):
    """See Family.

    mmdet's head takes the same number of anchors on every level, and applies `nms_pre` to all levels together.
    """

    plain, prunable = YOLOV3Head, PrunableYOLOV3Head
    outputs = ("pred",)
    generators = ("YOLOAnchorGenerator", "AnchorGenerator")

    def level_macs(self, head: YOLOV3Head, level: int, grid: tuple[int, int]) -> tuple[int, int]:
        """See Family; a level's 3x3 convolution, and an anchor's 1x1 channels."""
        cells, channels = grid[0] * grid[1], head.out_channels[level]
        return cells * 9 * head.in_channels[level] * channels, cells * channels * head.num_attrib

    def channels(self, head: YOLOV3Head) -> tuple[int, ...]:
        """See Family."""
        return (head.num_attrib,)

    def channel_slices(self, head: YOLOV3Head, layout: Layout) -> list[ChannelSlice]:
        """See Family; a level without anchors loses its 3x3 convolution too."""
        slices = self.anchor_slices(head, layout.kept_per_level)
        for level, kept in enumerate(layout.kept_per_level):
            if not kept:
                slices.append(ChannelSlice(f"bbox_head.convs_bridge.{level}.", (), head.num_attrib))
        return slices

    def anchor_slices(self, head: YOLOV3Head, anchors: Sequence[Sequence[int]]) -> list[ChannelSlice]:
        """See Family."""
        return [
            ChannelSlice(f"bbox_head.convs_pred.{level}.", tuple(kept), head.num_attrib)
            for level, kept in enumerate(anchors)
        ]

    def score_threshold(self, test_cfg: ConfigDict) -> float:
        """0, which is none: the detector's thresholds are on the two factors of a score.

        `pairs` lets only those through that pass both, so that nothing is left to be thresholded.
        """
        return 0.0

    def pairs(self, head: YOLOV3Head, outputs: Sequence[Tensor], test_cfg: ConfigDict) -> Pairs:
        """See Family; a pair's score is its class probability times the objectness.

        Source: mmdet's `YOLOV3Head.predict_by_feat`, thresholds included.
        """
        flat = rows(outputs[0], head.num_attrib)
        objectness, classes = flat[:, 4:5].sigmoid(), flat[:, 5:].sigmoid()
        passing = (classes > test_cfg.get("score_thr", 0)) & (objectness >= test_cfg.get("conf_thr", -1))
        scores = classes * objectness
        return Pairs(scores, passing & (scores > 0), torch.cat([flat[:, :2].sigmoid(), flat[:, 2:4]], 1))

    def decode(self, head: YOLOV3Head, level: int, priors: Tensor, codes: Tensor, shape: tuple[int, int]) -> Tensor:
        """See Family; YOLOv3 does not clip boxes to the image."""
        return head.bbox_coder.decode(priors, codes, head.featmap_strides[level])

    def coding(self, head: YOLOV3Head, test_cfg: ConfigDict, input_size: tuple[int, int]) -> "Coding":
        """See Family."""
        from anchorprune.deploy.onnx.yolo_coding import YoloCoding

        class_threshold, objectness_threshold = test_cfg.get("score_thr", 0), test_cfg.get("conf_thr", -1)
        return YoloCoding(head.num_classes, float(class_threshold), float(objectness_threshold))
