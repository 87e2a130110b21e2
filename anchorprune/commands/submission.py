"""`anchorprune submission`: detections on COCO test-dev, in the evaluation server's form."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import detector_argument, inference_options, output_option, print_json
from anchorprune.commands.recorded import recorded


@click.command(
    epilog=example(
        "anchorprune submission results/coco2017/ssd300/baseline/seed-0/train "
        "data/coco2017/annotations/image_info_test-dev2017.json data/coco2017/test2017 "
        "--name ssd300 --output {tried}/submission",
    )
)
@detector_argument
@click.argument("image_info", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The method's name in the file's name: letters, digits and dashes.")
@inference_options
@output_option
@recorded
def command(
    detector: tuple[Path, ...],
    image_info: Path,
    images: Path,
    name: str,
    device: str,
    batch_size: int | None,
    threads: int,
    output: Path,
) -> None:
    """Detect on COCO test-dev and write OUTPUT/detections_test-dev2017_NAME_results.zip, checked for its form.

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS. COCO's server takes no submissions any more (2026): the file
    is for another who holds the annotations, or for the record. `anchorprune download coco2017-test-dev` brings
    IMAGE_INFO and IMAGES.
    """
    from anchorprune.detectors.registry import load
    from anchorprune.detectors.submission import submit

    print_json(submit(load(detector, device, threads, batch_size), image_info, images, name, output))
