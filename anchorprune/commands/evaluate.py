"""`anchorprune evaluate`: COCO's figures of a detector on a split."""

from pathlib import Path

import click

from anchorprune.commands.options import output_option, print_json


@click.command(epilog="Example: anchorprune evaluate config.py weights.pth test.json images/ --output evaluation/")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("weights", type=click.Path(path_type=Path))
@click.argument("annotations", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Torch threads.")
@output_option
def command(config: Path, weights: Path, annotations: Path, images: Path, threads: int, output: Path):
    """Detect with mmdet's own post-processing; write metrics.json and detections.json (COCO results)."""
    from anchorprune.pipeline.gpus import choose_devices

    choose_devices()  # before torch looks for them

    import torch

    from anchorprune.detectors.mmdet.inference.detections import evaluate
    from anchorprune.detectors.mmdet.model import load
    from anchorprune.provenance import provenance

    torch.set_num_threads(threads)
    facts = provenance(weights=str(weights), annotations=str(annotations))
    print_json(evaluate(load(config, weights), annotations, images, output, facts))
