"""`anchorprune retrain`: train a pruned detector again."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import output_option, print_json, split_options, training_options


@click.command(
    epilog="Example: anchorprune retrain sliced/config.py --finetune sliced/weights.pth --epochs 4 "
    "--annotations train.json --images images/ --output retrained/"
)
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--finetune", type=click.Path(path_type=Path), help="Start from these weights, not from scratch.")
@split_options
@training_options
@output_option
def command(
    config: Path,
    finetune: Path | None,
    annotations: Path,
    images: Path,
    output: Path,
    gpus: int | None,
    processes: int | None,
    **options: Any,
):
    """Train the pruned detector of CONFIG again, from scratch (the paper's way) or from its sliced weights.

    Writes what `train` writes, and resumes as it does.
    """
    from anchorprune.pipeline.gpus import choose_devices

    choose_devices(gpus, processes)  # before torch looks for them

    from anchorprune.commands.training import run_training
    from anchorprune.detectors.mmdet.config import compose

    cfg = compose.read_config(config)
    print_json(
        run_training(cfg, annotations, images, output, gpus=gpus, processes=processes, initial=finetune, **options)
    )
