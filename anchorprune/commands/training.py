"""What `train` and `retrain` share: the data, the recipe, the summary."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from anchorprune.detectors.training import Recipe, Training, check_boxes


def run_training(
    train: Callable[[Training], None], annotations: Path, images: Path, output: Path, **options: Any
) -> dict[str, Any]:
    """Train on a split; returns the summary that the command prints.

    Args:
        train: a backend's training, but for the `Training`.
        annotations: COCO annotation file of the split.
        images: folder its file names are relative to.
        output: folder of the results.
        **options: those of `commands.options.training_options`.
    """
    image_count, box_count, classes = check_boxes(annotations)
    recipe = Recipe(**{field.name: options.pop(field.name) for field in fields(Recipe)})
    train(Training(annotations, images, classes, output, recipe, **options))
    return {"output": str(output), "images": image_count, "boxes": box_count, "seed": options["seed"]}
