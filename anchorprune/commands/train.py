"""`anchorprune train`: train a detector with a set of anchors."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import (
    backend_option,
    detector_options,
    output_option,
    print_json,
    split_options,
    training_options,
)
from anchorprune.commands.recorded import recorded


@click.command(
    epilog=example(
        "anchorprune train config/detectors/ssd_demo.py --name ssd-demo --anchors "
        "results/anchors/ssd-demo/baseline.json --epochs 1 --annotations {data}/train.json --images "
        "{data}/images/train --output {tried}/trained",
    )
)
@click.argument("config")
@backend_option
@click.option("--name", required=True, help="Name of the head; layouts refer to it.")
@detector_options
@split_options
@training_options
@output_option
@recorded
def command(
    config: str, backend_name: str, name: str, anchors: Path | None, option: tuple[str, ...], **options: Any
) -> None:
    """Train the detector of the mmdet config CONFIG (a file, or mmdet::FOLDER/NAME.py) from its initialisation.

    With --backend, CONFIG is what that framework describes a detector by.

    Writes a detector's folder; for mmdet config.py (complete), weights.pth (tensors only), head.json and
    detector.json. A training that was killed goes on from its last checkpoint when the same command is given again;
    it writes one after each epoch, and every ten minutes.
    """
    from anchorprune.commands.training import run_training
    from anchorprune.detectors.foreign import Foreign
    from anchorprune.detectors.registry import backend

    foreign = Foreign(config, name, None, anchors, option)
    print_json(run_training(lambda training: backend(backend_name).train(foreign, training), **options))
