"""`anchorprune convert`: a prunable detector from any mmdet config of a known head."""

from pathlib import Path

import click

from anchorprune.commands.options import detector_options, output_option, print_json


@click.command(epilog="Example: anchorprune convert ssd300_coco.py ssd300_coco.pth --output ssd300/")
@click.argument("config")
@click.argument("weights", type=click.Path(path_type=Path), required=False)
@detector_options
@click.option("--name", help="Name of the head; layouts refer to it.  [default: CONFIG's file name]")
@click.option(
    "--order",
    type=click.Choice(["mmdet", "published"]),
    default="mmdet",
    show_default=True,
    help="Order of the anchors in WEIGHTS; 'published' is that of the paper's SSD300.",
)
@output_option
def command(
    config: str,
    weights: Path | None,
    anchors: Path | None,
    option: tuple[str, ...],
    name: str | None,
    order: str,
    output: Path,
):
    """Give the detector of the mmdet config CONFIG (a file, or mmdet::FOLDER/NAME.py) an explicit anchor list.

    It has the boxes it had, or those of --anchors.

    Writes config.py (complete), head.json, and, if WEIGHTS are given, weights.pth (tensors only). WEIGHTS may be a
    checkpoint of mmdet 2.x or 3.x.
    """
    from anchorprune.commands.detector import read_detector
    from anchorprune.cost import cost
    from anchorprune.detectors.convert import convert
    from anchorprune.layout import Layout

    name = name or Path(config).stem
    head = convert(read_detector(config, name, anchors, option), name, output, weights, order == "published")
    print_json({"output": str(output), "head": head.name, **cost(Layout.full(head)).to_dict()})
