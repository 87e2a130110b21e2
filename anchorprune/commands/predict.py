"""`anchorprune predict`: raw predictions of a detector over a split."""

from pathlib import Path

import click

from anchorprune.commands.options import print_json


@click.command(
    epilog="Example: anchorprune predict config.py weights.pth prune.json images/ --output predictions.parquet"
)
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("weights", type=click.Path(path_type=Path))
@click.argument("annotations", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Torch threads.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The parquet file to write.")
def command(config: Path, weights: Path, annotations: Path, images: Path, threads: int, output: Path):
    """Keep every (box, class) pair above the score threshold, before any NMS, for the search to work on."""
    from anchorprune.pipeline.gpus import choose_devices

    choose_devices()  # before torch looks for them

    import torch

    from anchorprune.detectors.mmdet.inference.candidates import predict
    from anchorprune.detectors.mmdet.model import load
    from anchorprune.provenance import provenance

    torch.set_num_threads(threads)
    facts = provenance(weights=str(weights), annotations=str(annotations))
    count = predict(load(config, weights), annotations, images, output, facts)
    print_json({"output": str(output), "candidates": count})
