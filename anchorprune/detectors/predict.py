"""Raw predictions of a detector, streamed image by image: every (box, class) pair above the threshold, before NMS."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.structures.bbox import scale_boxes
from torch import Tensor

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.evaluate import check_classes
from anchorprune.detectors.families import family_of
from anchorprune.detectors.loop import batches
from anchorprune.detectors.model import Detector, postprocess
from anchorprune.predictions import PredictionsWriter


def predict(
    detector: Detector, annotations: Path, images: Path, output: Path, provenance: dict[str, Any], batch_size: int = 8
) -> int:
    """Write `predictions.parquet` for a split; memory does not grow with the number of images.

    Returns:
        The number of candidates written.

    Raises:
        UserError: the split is empty, its categories are not the detector's, or an image is missing or damaged.
    """
    truth = read_coco(annotations)
    check_classes(detector, truth, annotations)
    post = postprocess(detector.config)
    count = 0
    with PredictionsWriter(output, detector.head, post, provenance) as writer:
        for batch in batches(detector, annotations, images, batch_size, "predict"):
            features = detector.model.extract_feat(batch["inputs"])
            outputs = detector.model.bbox_head(features)
            for i, sample in enumerate(batch["data_samples"]):
                rows = candidates(detector, [[o[i] for o in level] for level in outputs], sample.metainfo)
                anchor, label, score, box = rows
                writer.add(int(sample.img_id), truth.category_ids[label], anchor, score, box)
                count += len(score)
    return count


def candidates(
    detector: Detector, outputs: list[list[Tensor]], meta: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The candidates of one image, in the order in which mmdet's post-processing would break their score ties.

    Args:
        detector: whose outputs these are.
        outputs: class logits and box deltas per level, (A * channels, H, W) each.
        meta: the image's `img_shape` and `scale_factor`.

    Returns:
        anchor (n,) int16, label (n,) int64, score (n,) float32, boxes (n, 4) float32 x1 y1 x2 y2 in pixels of the
        original image; rows level by level, cell by cell, anchor by anchor, class by class.
    """
    head = detector.model.bbox_head
    family = family_of(head)
    threshold = postprocess(detector.config).score_threshold
    logits, deltas = outputs
    priors = head.prior_generator.grid_priors([level.shape[-2:] for level in logits], device=logits[0].device)
    parts, first = [], 0
    for cls, reg, prior, count in zip(logits, deltas, priors, head.prior_generator.num_base_priors, strict=True):
        if count:
            score = family.scores(head, cls.permute(1, 2, 0).reshape(-1, head.cls_out_channels))
            row, label = (score > threshold).nonzero(as_tuple=True)
            delta = reg.permute(1, 2, 0).reshape(-1, 4)[row]
            parts.append((first + row % count, label, score[row, label], prior[row], delta))
        first += count
    anchor, label, score, prior, delta = (torch.cat(column) for column in zip(*parts, strict=True))
    boxes = head.bbox_coder.decode(prior, delta, max_shape=meta["img_shape"])
    boxes = scale_boxes(boxes, [1 / s for s in meta["scale_factor"]])
    return (
        anchor.cpu().numpy().astype(np.int16),
        label.cpu().numpy(),
        score.cpu().numpy(),
        boxes.cpu().numpy().reshape(-1, 4),
    )
