"""A RetinaNet whose levels have different anchors, which torchvision's own cannot be. It needs torchvision alone."""

import torch
from torch.nn.functional import conv2d
from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead


def uneven(model, filters):
    """A RetinaNet of torchvision, which is used up, whose levels each have some of the filters that they share.

    Args:
        model: its levels' anchors are set.
        filters: for each level, which filters are its anchors'.
    """
    head, generator = UnevenHead(model.head, filters), model.anchor_generator
    return UnevenRetinaNet(model.backbone, None, anchor_generator=generator, head=head)


class UnevenHead(RetinaNetHead):
    """Levels compute some of the filters that they share, each its own; torchvision's compute all."""

    def __init__(self, plain, filters):
        torch.nn.Module.__init__(self)
        self.classification_head, self.regression_head = plain.classification_head, plain.regression_head
        self.filters = filters

    def raw(self, maps):
        """For each level, (images, anchors * classes, H, W) logits and (images, anchors * 4, H, W) deltas."""
        scoring, boxes, found = self.classification_head, self.regression_head, []
        for level, own in zip(maps, self.filters, strict=True):
            towers = (scoring.conv, scoring.cls_logits, scoring.num_classes), (boxes.conv, boxes.bbox_reg, 4)
            outputs = []
            for tower, last, width in towers:
                rows = [number * width + i for number in own for i in range(width)]
                outputs.append(conv2d(tower(level), last.weight[rows], last.bias[rows], padding=1))
            found.append(tuple(outputs))
        return found

    def forward(self, maps):
        logits, deltas = zip(*self.raw(maps), strict=True)
        classes = self.classification_head.num_classes
        return {"cls_logits": self._rows(logits, classes), "bbox_regression": self._rows(deltas, 4)}

    def _rows(self, levels, width):
        """(images, boxes, width), level by level, cell by cell, anchor by anchor."""
        found = [out.unflatten(1, (-1, width)).permute(0, 3, 4, 1, 2).flatten(1, 3) for out in levels]
        return torch.cat(found, 1)


class UnevenRetinaNet(RetinaNet):
    """torchvision's takes it that levels have equally many anchors, when it tells their boxes apart."""

    def forward(self, images, targets=None):
        if self.training:
            return super().forward(images, targets)
        sizes = [tuple(image.shape[-2:]) for image in images]
        batch, _ = self.transform(images)
        maps = list(self.backbone(batch.tensors).values())
        pairs = zip(maps, self.head.filters, strict=True)
        counts = [found.shape[2] * found.shape[3] * len(own) for found, own in pairs]
        outputs = {key: list(value.split(counts, 1)) for key, value in self.head(maps).items()}
        anchors = [list(each.split(counts)) for each in self.anchor_generator(batch, maps)]
        found = self.postprocess_detections(outputs, anchors, batch.image_sizes)
        return self.transform.postprocess(found, batch.image_sizes, sizes)
