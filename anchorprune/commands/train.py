"""`anchorprune train`: train a detector with a set of anchors."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import detector_options, output_option, print_json, split_options, training_options


@click.command(
    epilog="Example: anchorprune train config/detectors/ssd_demo.py --name ssd-demo --anchors anchors.json "
    "--annotations train.json --images images/ --output trained/"
)
@click.argument("config")
@click.option("--name", required=True, help="Name of the head; layouts refer to it.")
@detector_options
@split_options
@training_options
@output_option
def command(
    config: str,
    name: str,
    anchors: Path | None,
    option: tuple[str, ...],
    annotations: Path,
    images: Path,
    output: Path,
    gpus: int | None,
    processes: int | None,
    **options: Any,
):
    """Train the detector of the mmdet config CONFIG (a file, or mmdet::FOLDER/NAME.py) from its initialisation.

    Writes config.py (complete), weights.pth (tensors only), head.json and train.log. A training that was killed
    goes on from its last epoch when the same command is given again.
    """
    from anchorprune.pipeline.gpus import choose_devices

    choose_devices(gpus, processes)  # before torch looks for them

    from anchorprune.commands.detector import read_detector
    from anchorprune.commands.training import run_training

    cfg = read_detector(config, name, anchors, option)
    print_json(run_training(cfg, annotations, images, output, gpus=gpus, processes=processes, **options))
