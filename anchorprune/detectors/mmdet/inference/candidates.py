"""Raw predictions of a detector, streamed image by image: every (box, class) pair above the threshold, before NMS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmdet.structures.bbox import scale_boxes
from torch import Tensor

from anchorprune.detectors.mmdet.built import BuiltDetector
from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.detectors.mmdet.inference.loop import prepared_images
from anchorprune.detectors.protocols import ImageCandidates


def split_candidates(detector: BuiltDetector, annotations: Path, images: Path) -> Iterator[ImageCandidates]:
    """The candidates of each image of a split; memory does not grow with the number of images.

    Raises:
        UserError: an image is missing or damaged.
    """
    for batch in prepared_images(detector, annotations, images, "predict"):
        outputs = detector.model.bbox_head(detector.model.extract_feat(batch["inputs"]))
        for number, sample in enumerate(batch["data_samples"]):
            rows = candidates(detector, [[o[number] for o in level] for level in outputs], sample.metainfo)
            yield ImageCandidates(int(sample.img_id), *rows)


def candidates(
    detector: BuiltDetector, outputs: list[list[Tensor]], meta: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The candidates of one image, in the order in which mmdet's post-processing would break their score ties.

    Args:
        detector: whose outputs these are.
        outputs: the head's output maps (class logits and box deltas for most), per level (A * channels, H, W).
        meta: the image's `img_shape` and `scale_factor`.

    Returns:
        anchor (n,) int16, label (n,) int64, score (n,) float32, boxes (n, 4) float32 x1 y1 x2 y2 in pixels of the
        original image; rows level by level, cell by cell, anchor by anchor, class by class.
    """
    head = detector.model.bbox_head
    generator, family = head.prior_generator, family_of(head)
    maps = list(zip(*outputs, strict=True))  # level by level
    priors = generator.grid_priors([level[0].shape[-2:] for level in maps], device=maps[0][0].device)
    parts, first = [], 0
    for level, count in enumerate(generator.num_base_priors):
        scores, passing, codes = family.pairs(head, maps[level], detector.config.model.test_cfg)
        row, label = passing.nonzero(as_tuple=True)
        boxes = family.decode(head, level, priors[level][row], codes[row], meta["img_shape"])
        parts.append((first + row % max(count, 1), label, scores[row, label], boxes))
        first += count
    anchor, label, score, boxes = (torch.cat(column) for column in zip(*parts, strict=True))
    boxes = scale_boxes(boxes, [1 / s for s in meta["scale_factor"]])
    return (
        anchor.cpu().numpy().astype(np.int16),
        label.cpu().numpy(),
        score.cpu().numpy(),
        boxes.cpu().numpy().reshape(-1, 4),
    )
