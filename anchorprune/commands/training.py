"""What `train` and `retrain` share: the training data, the recipe, the run."""

import logging
from pathlib import Path
from typing import Any

from mmengine.config import Config

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors import compose
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
    initial: Path | None = None,
    **recipe: Any,
) -> dict[str, Any]:
    """Train `cfg` on a split; returns the summary that the command prints.

    Raises:
        UserError: the split is empty, a file is missing, or the training fails for a reason the user can mend.
    """
    truth = read_coco(annotations)
    if not len(truth.ids):
        raise UserError(f"{annotations}: no boxes to train on; give the data set a train split with annotated images")
    compose.set_classes(cfg, truth.category_names)
    compose.set_training_data(cfg, annotations, images)
    for line in compose.set_recipe(cfg, compose.Recipe(**recipe)):
        LOG.info(line)
    train(cfg, output, seed, threads, initial)
    return {"output": str(output), "images": len(truth.images), "boxes": len(truth.ids), "seed": seed}
