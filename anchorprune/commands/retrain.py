"""`anchorprune retrain`: train a pruned detector again."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import output_option, print_json, split_options, training_options
from anchorprune.commands.recorded import recorded


@click.command(
    epilog=example(
        "anchorprune retrain {pruned}/slice --finetune {pruned}/slice --epochs 1 --annotations {data}/train.json "
        "--images {data}/images/train --output {tried}/retrained",
    )
)
@click.argument("detector", type=click.Path(path_type=Path))
@click.option(
    "--finetune",
    type=click.Path(path_type=Path),
    help="Start from these weights (a file, or a detector's folder), not from scratch.",
)
@click.option(
    "--known",
    type=click.Path(path_type=Path, file_okay=False),
    help="Note here what was trained, and take over what a folder noted here has of the same layout.",
)
@split_options
@training_options
@output_option
@recorded
def command(detector: Path, finetune: Path | None, known: Path | None, **options: Any) -> None:
    """Train a detector again, from scratch (the paper's way) or from its weights.

    DETECTOR is its folder, or mmdet's config. Writes what `train` writes, and resumes as it does. An unpruned detector
    that is trained again as long as the pruned ones is what these are compared with.
    """
    from contextlib import nullcontext

    from anchorprune.commands.training import run_training
    from anchorprune.detectors.registry import DEFAULT, backend, backend_at
    from anchorprune.detectors.trained_once import trained_once

    runs = backend(DEFAULT) if detector.suffix == ".py" else backend_at([detector])
    seed, output = options["seed"], options["output"]
    with trained_once(detector, finetune, seed, output, known) if known else nullcontext():
        print_json(
            run_training(lambda training: runs.retrain([detector], finetune, training), initial=finetune, **options)
        )
