"""A training: on what, by which recipe, and where its folder goes."""

import logging
from dataclasses import dataclass
from pathlib import Path

from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.unusable import coco_trainable
from anchorprune.detectors.anchor_dropout import AnchorDropout
from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """Training choices that override the detector config's own; None leaves its value.

    Attributes:
        epochs: epochs of the schedule, which is stretched or squeezed with it. One epoch passes over the split as
            often as `repeats` says.
        iterations: stop after so many iterations if the epochs do not end before; the schedule stays.
        repeats: passes over the split in one epoch (mmdet's SSD300 for COCO has 5, which makes 24 epochs 120 passes).
        batch_size: images per iteration on one device.
        base_batch_size: images per iteration, on all devices, that the learning rate is meant for.
        learning_rate: of the optimizer, at the base batch size.
        workers: data-loading processes of one device; 0 loads in the training process.
        amp: automatic mixed precision.
        backbone_weights: what the backbone starts from: `hub` (what the config says), `none`, or a file.
        anchor_dropout: train with subsets of the anchors too; None trains with all of them only.
    """

    epochs: int | None = None
    iterations: int | None = None
    repeats: int | None = None
    batch_size: int | None = None
    base_batch_size: int | None = None
    learning_rate: float | None = None
    workers: int | None = None
    amp: bool | None = None
    backbone_weights: str | None = None
    anchor_dropout: AnchorDropout | None = None


@dataclass(frozen=True)
class Training:
    """A training: on what, how, and where its folder goes.

    Attributes:
        annotations: COCO annotation file of the split.
        images: folder its file names are relative to.
        classes: category names of the annotations, by ascending id.
        output: folder of the results.
        recipe: what overrides the config's own.
        seed: of everything that is drawn.
        threads: of a process; part of the result, since sums of floats depend on their order.
        gpus: that train together; None: one, if there is one.
        processes: that train together on the CPU.
    """

    annotations: Path
    images: Path
    classes: tuple[str, ...]
    output: Path
    recipe: Recipe
    seed: int
    threads: int
    gpus: int | None = None
    processes: int | None = None


@dataclass(frozen=True)
class Schedule:
    """How long a training was.

    Attributes:
        epochs: passes over the split, those that `repeats` adds included; None: not known.
        iterations: after which it stopped, where it was told to; else None.
    """

    epochs: int | None = None
    iterations: int | None = None


def check_boxes(annotations: Path) -> tuple[int, int, tuple[str, ...]]:
    """Images, boxes that can be trained on, and category names of a split to train on.

    Raises:
        UserError: it has no such boxes, or the file is missing or damaged.
    """
    truth = coco_trainable(read_coco(annotations))
    if not len(truth.ids):
        raise UserError(f"{annotations}: no boxes to train on; give the data set a train split with annotated images")
    if truth.skipped:
        LOG.warning(
            "%s: %d boxes are not to be trained on, the first: %s", annotations, len(truth.skipped), truth.skipped[0]
        )
    return len(truth.images), len(truth.ids), truth.category_names
