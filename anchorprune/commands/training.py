"""What `train` and `retrain` share: the training data, the recipe, the run."""

import logging
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.training.recipe import Recipe, set_recipe
from anchorprune.detectors.mmdet.training.train import train
from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)


def run_training(
    cfg: Config,
    annotations: Path,
    images: Path,
    output: Path,
    *,
    seed: int,
    threads: int,
    gpus: int | None = None,
    processes: int | None = None,
    initial: Path | None = None,
    **recipe: Any,
) -> dict[str, Any]:
    """Train `cfg` on a split; returns the summary that the command prints.

    Args:
        cfg: mmdet config with explicit anchors; changed in place.
        annotations: COCO annotation file of the split.
        images: folder its file names are relative to.
        output: folder of the results.
        seed: of Python, NumPy and torch.
        threads: torch threads of a process.
        gpus: GPUs that train together, which `anchorprune.pipeline.gpus.choose_devices` has made visible.
        processes: that train together on the CPU.
        initial: weights to fine-tune from; None trains from the config's initialisation.
        **recipe: fields of `Recipe`.

    Raises:
        UserError: the split is empty, a file is missing, or the training fails for a reason the user can mend.
    """
    if gpus is not None and not torch.cuda.is_available():
        raise UserError(
            f"--gpus {gpus}: this torch sees no GPU; `anchorprune doctor` says why, --processes does without"
        )
    truth = read_coco(annotations)
    if not len(truth.ids):
        raise UserError(f"{annotations}: no boxes to train on; give the data set a train split with annotated images")
    compose.set_classes(cfg, truth.category_names)
    compose.set_training_data(cfg, annotations, images)
    devices = gpus or processes or 1
    for line in set_recipe(cfg, Recipe(**recipe), devices):
        LOG.info(line)
    train(cfg, output, seed, threads, initial, devices)
    return {"output": str(output), "images": len(truth.images), "boxes": len(truth.ids), "seed": seed}
