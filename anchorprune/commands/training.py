"""What `train` and `retrain` share: the data, the recipe, the summary."""

from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from anchorprune.detectors.folder import record_trained, trained_of
from anchorprune.detectors.training import Recipe, Schedule, Training, check_boxes
from anchorprune.errors import UserError


def run_training(
    train: Callable[[Training], Schedule],
    annotations: Path,
    images: Path,
    output: Path,
    initial: Path | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Train on a split; returns the summary that the command prints.

    Args:
        train: a backend's training, but for the `Training`.
        annotations: COCO annotation file of the split.
        images: folder its file names are relative to.
        output: folder of the results.
        initial: weights that it starts from, a file or a detector's folder; None: from scratch.
        **options: those of `commands.options.training_options`.
    """
    if not images.is_dir():
        raise UserError(f"{images}: no such image folder; check the path")
    image_count, box_count, classes = check_boxes(annotations)
    options["gpus"], options["processes"] = _counts(options.pop("device"), options["gpus"], options["processes"])
    recipe = Recipe(**{field.name: options.pop(field.name) for field in fields(Recipe)})
    schedule = train(Training(annotations, images, classes, output, recipe, **options))
    before = None if initial is None else trained_of(initial if initial.is_dir() else initial.parent)
    start = "scratch" if initial is None else "weights"
    record_trained(output, [*(before or []), {"start": start, **asdict(schedule)}])
    return {"output": str(output), "images": image_count, "boxes": box_count, "seed": options["seed"]}


def _counts(device: str, gpus: int | None, processes: int | None) -> tuple[int | None, int | None]:
    """How many GPUs train together, or how many processes on the CPU, where --device says which of these."""
    if device == "cpu" and gpus is not None:
        raise click.UsageError("--gpus trains on GPUs, not on --device cpu; give one of them")
    if device == "cuda" and processes is not None:
        raise click.UsageError("--processes trains on the CPU, not on --device cuda; give one of them")
    return gpus or (1 if device == "cuda" else None), processes or (1 if device == "cpu" else None)
