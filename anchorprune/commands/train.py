"""`anchorprune train`: train a detector with a set of anchors."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import output_option, print_json, split_options, training_options


@click.command(
    epilog="Example: anchorprune train config/detectors/ssd_demo.py --name ssd-demo --anchors anchors.json "
    "--annotations train.json --images images/ --output trained/"
)
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the head; layouts refer to it.")
@click.option("--anchors", type=click.Path(path_type=Path), help="JSON: strides and levels of [w, h] pairs, pixels.")
@split_options
@training_options
@output_option
def command(
    config: Path,
    name: str,
    anchors: Path | None,
    annotations: Path,
    images: Path,
    output: Path,
    gpus: int | None,
    processes: int | None,
    **options: Any,
):
    """Train the detector of the mmdet config CONFIG from its initialisation.

    Writes config.py (complete), weights.pth (tensors only), head.json and train.log. A training that was killed
    goes on from its last epoch when the same command is given again.
    """
    from anchorprune.gpus import choose_devices

    choose_devices(gpus, processes)  # before torch looks for them

    from anchorprune.commands.training import run_training
    from anchorprune.detectors import compose
    from anchorprune.files import read_json

    cfg = compose.read_config(config)
    compose.set_head_name(cfg, name)
    if anchors is not None:
        chosen = read_json(anchors, "anchor set")
        compose.set_anchors(cfg, chosen["strides"], chosen["levels"])
    print_json(run_training(cfg, annotations, images, output, gpus=gpus, processes=processes, **options))
