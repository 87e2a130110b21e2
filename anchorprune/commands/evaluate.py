"""`anchorprune evaluate`: COCO's figures of a detector on a split."""

from pathlib import Path

import click

from anchorprune.commands.options import detector_argument, output_option, print_json


@click.command(epilog="Example: anchorprune evaluate trained/ test.json images/ --output evaluation/")
@detector_argument
@click.argument("annotations", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of a computation.")
@output_option
def command(detector: tuple[Path, ...], annotations: Path, images: Path, threads: int, output: Path):
    """Detect with the detector's own post-processing; write metrics.json and detections.json (COCO results).

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS.
    """
    from anchorprune.detectors.evaluate import evaluate
    from anchorprune.detectors.registry import load
    from anchorprune.provenance import provenance

    loaded = load(detector, threads=threads)
    facts = provenance(weights=str(loaded.source), annotations=str(annotations))
    print_json(evaluate(loaded, annotations, images, output, facts))
