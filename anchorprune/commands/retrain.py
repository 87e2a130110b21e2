"""`anchorprune retrain`: train a pruned detector again."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import output_option, print_json, split_options, training_options


@click.command(
    epilog="Example: anchorprune retrain sliced/ --finetune sliced/ --epochs 4 "
    "--annotations train.json --images images/ --output retrained/"
)
@click.argument("detector", type=click.Path(path_type=Path))
@click.option(
    "--finetune",
    type=click.Path(path_type=Path),
    help="Start from these weights (a file, or a detector's folder), not from scratch.",
)
@split_options
@training_options
@output_option
def command(detector: Path, finetune: Path | None, **options: Any) -> None:
    """Train a pruned detector again, from scratch (the paper's way) or from its sliced weights.

    DETECTOR is its folder, or mmdet's config. Writes what `train` writes, and resumes as it does.
    """
    from anchorprune.commands.training import run_training
    from anchorprune.detectors.registry import DEFAULT, backend, backend_at

    runs = backend(DEFAULT) if detector.suffix == ".py" else backend_at([detector])
    print_json(run_training(lambda training: runs.retrain([detector], finetune, training), **options))
