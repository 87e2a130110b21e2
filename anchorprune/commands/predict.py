"""`anchorprune predict`: raw predictions of a detector over a split."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import detector_argument, inference_options, print_json
from anchorprune.commands.recorded import recorded_file


@click.command(
    epilog=example(
        "anchorprune predict {base}/train {data}/prune.json {data}/images/prune --output {tried}/predictions.parquet",
    )
)
@detector_argument
@click.argument("annotations", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@inference_options
@click.option("--output", required=True, type=click.Path(path_type=Path), help="The parquet file to write.")
@recorded_file
def command(
    detector: tuple[Path, ...],
    annotations: Path,
    images: Path,
    device: str,
    batch_size: int | None,
    threads: int,
    output: Path,
):
    """Keep every (box, class) pair above the score threshold, before any NMS, for the search to work on.

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS.
    """
    from anchorprune.detectors.predict import predict
    from anchorprune.detectors.registry import load
    from anchorprune.provenance import provenance

    loaded = load(detector, device, threads, batch_size)
    facts = provenance(weights=str(loaded.source), annotations_file=str(annotations))
    count = predict(loaded, annotations, images, output, facts)
    print_json({"output": str(output), "candidates": count})
