"""`anchorprune evaluate`: COCO's figures of a detector on a split."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import detector_argument, inference_options, output_option, print_json
from anchorprune.commands.recorded import recorded


@click.command(
    epilog=example(
        "anchorprune evaluate {pruned}/slice {data}/test.json {data}/images/test --reference "
        "{base}/train/evaluate --output {tried}/evaluation",
    )
)
@detector_argument
@click.argument("annotations", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@inference_options
@click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where another detector's evaluation on the same split lies: the change against it, with 95% intervals.",
)
@output_option
@recorded
def command(
    detector: tuple[Path, ...],
    annotations: Path,
    images: Path,
    device: str,
    batch_size: int | None,
    threads: int,
    reference: Path | None,
    output: Path,
):
    """Detect with the detector's own post-processing; write metrics.json and detections.json (COCO results).

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS.
    """
    from anchorprune.detectors.evaluate import evaluate
    from anchorprune.detectors.registry import load
    from anchorprune.provenance import provenance

    loaded = load(detector, device, threads, batch_size)
    facts = provenance(weights=str(loaded.source), annotations=str(annotations))
    found = evaluate(loaded, annotations, images, output, facts, reference, threads)
    found.get("change", {}).pop("resampled", None)  # a thousand numbers, in the file for who puts seeds together
    print_json(found)
