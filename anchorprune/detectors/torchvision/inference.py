"""A detector of torchvision on images: its raw candidates, and its own detections."""

from pathlib import Path

import numpy as np
import PIL.Image
import torch
from torch import Tensor, nn
from torchvision.ops import clip_boxes_to_image

from anchorprune.detectors.torchvision.families.family import Family
from anchorprune.errors import UserError
from anchorprune.heads.detections import Detections

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def read_image(path: Path) -> Tensor:
    """An image as torchvision's detectors want it: (3, H, W) float32 in 0..1.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        with PIL.Image.open(path) as picture:
            pixels = np.array(picture.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise UserError(f"{path}: not a readable image ({type(error).__name__}); restore it") from None
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


@torch.no_grad()
def candidates(
    model: nn.Module, family: Family, anchors_per_level: list[int], labels: tuple[int, ...], image: Tensor
) -> Rows:
    """Every (box, class) pair of an image above the score threshold, before the limit of a class or level and NMS.

    Args:
        model: in evaluation mode.
        family: of its head.
        anchors_per_level: of every level, also of those without any.
        labels: torchvision's label of each class.
        image: see `read_image`.

    Returns:
        anchor (n,) int16, label (n,) int64 (a position in `labels`), score (n,) float32, boxes (n, 4) float32 x1 y1 x2
        y2 in pixels of the image; level by level, cell by cell, anchor by anchor, class by class; classes come first
        where the limit is one of a class.
    """
    batch, _ = model.transform([image])
    maps = list(model.backbone(batch.tensors).values())
    outputs, (priors,) = model.head(maps), model.anchor_generator(batch, maps)
    scores = family.scores(outputs["cls_logits"][0])[:, list(labels)]
    boxes = model.box_coder.decode_single(outputs["bbox_regression"][0], priors)
    boxes = clip_boxes_to_image(boxes, batch.image_sizes[0])
    sizes = [tuple(image.shape[-2:])]
    boxes = model.transform.postprocess([{"boxes": boxes}], batch.image_sizes, sizes)[0]["boxes"]
    anchors = _anchor_of_box(anchors_per_level, [found.shape[-2] * found.shape[-1] for found in maps])
    passing = scores > model.score_thresh
    label, row = passing.T.nonzero(as_tuple=True) if family.by_class else passing.nonzero(as_tuple=True)[::-1]
    found = anchors[row.cpu().numpy()], label.cpu().numpy(), scores[row, label].cpu().numpy()
    return *found, boxes[row].cpu().numpy().reshape(-1, 4)


@torch.no_grad()
def detect(model: nn.Module, labels: tuple[int, ...], image: Tensor) -> Detections:
    """What torchvision's own forward gives for an image; boxes of labels that no class has are left out."""
    (found,) = model([image])
    boxes, scores, numbers = (found[key].cpu().numpy() for key in ("boxes", "scores", "labels"))
    place = np.searchsorted(labels, numbers).clip(max=len(labels) - 1)
    known = np.asarray(labels)[place] == numbers
    columns = boxes[known].astype(np.float64), scores[known].astype(np.float64), place[known].astype(np.int64)
    return Detections(*columns, tuple(model.transform([image])[0].image_sizes[0]))


def _anchor_of_box(anchors_per_level: list[int], cells: list[int]) -> np.ndarray:
    """(boxes,) int16; `cells` of the levels that have anchors."""
    parts, first, cells = [], 0, list(cells)
    for count in anchors_per_level:
        if count:
            parts.append(np.tile(np.arange(first, first + count, dtype=np.int16), cells.pop(0)))
        first += count
    return np.concatenate(parts)
