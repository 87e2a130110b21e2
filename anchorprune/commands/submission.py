"""`anchorprune submission`: detections on COCO test-dev, in the evaluation server's form."""

from pathlib import Path

import click

from anchorprune.commands.options import output_option, print_json


@click.command(
    epilog="Example: anchorprune submission config.py weights.pth annotations/image_info_test-dev2017.json test2017/ "
    "--name ssd300-pruned --output submission/"
)
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("weights", type=click.Path(path_type=Path))
@click.argument("image_info", type=click.Path(path_type=Path))
@click.argument("images", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The method's name in the file's name: letters, digits and dashes.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Torch threads.")
@output_option
def command(config: Path, weights: Path, image_info: Path, images: Path, name: str, threads: int, output: Path) -> None:
    """Detect on COCO test-dev and write OUTPUT/detections_test-dev2017_NAME_results.zip, checked for its form.

    COCO's server takes no submissions any more (2026): the file is for another who holds the annotations, or for
    the record. `anchorprune download coco2017-test-dev` brings IMAGE_INFO and IMAGES.
    """
    from anchorprune.pipeline.gpus import choose_devices

    choose_devices()  # before torch looks for them

    import torch

    from anchorprune.detectors.mmdet.inference.submission import submit
    from anchorprune.detectors.mmdet.model import load

    torch.set_num_threads(threads)
    print_json(submit(load(config, weights), image_info, images, name, output))
