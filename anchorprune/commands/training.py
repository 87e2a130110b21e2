"""What `train` and `retrain` share: the training data, the recipe, the run."""

import logging
from pathlib import Path
from typing import Any

from mmengine.config import Config

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors import compose
from anchorprune.detectors.recipe import Recipe, set_recipe
from anchorprune.detectors.train import train
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
    devices: int = 1,
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
        devices: processes that train together, as `anchorprune.gpus.choose_devices` gave them.
        initial: weights to fine-tune from; None trains from the config's initialisation.
        **recipe: fields of `Recipe`.

    Raises:
        UserError: the split is empty, a file is missing, or the training fails for a reason the user can mend.
    """
    truth = read_coco(annotations)
    if not len(truth.ids):
        raise UserError(f"{annotations}: no boxes to train on; give a split with annotated images")
    compose.set_classes(cfg, truth.category_names)
    compose.set_training_data(cfg, annotations, images)
    for line in set_recipe(cfg, Recipe(**recipe), devices):
        LOG.info(line)
    train(cfg, output, seed, threads, initial, devices)
    return {"output": str(output), "images": len(truth.images), "boxes": len(truth.ids), "seed": seed}
