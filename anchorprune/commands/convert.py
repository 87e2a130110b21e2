"""`anchorprune convert`: a prunable detector from any mmdet config of a known head, and back."""

from collections.abc import Sequence
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
    default="config",
    show_default=True,
    metavar="config|published|FILE",
    help="Whose anchors WEIGHTS have: CONFIG's; those of the paper's SSD300; or those of another mmdet config, FILE. "
    "They are matched by their shape to CONFIG's or to those of --anchors.",
)
@click.option("--back", is_flag=True, help="The other way: to mmdet's own head and generator, where they can give it.")
@output_option
def command(
    config: str,
    weights: Path | None,
    name: str | None,
    anchors: Path | None,
    option: tuple[str, ...],
    order: str,
    back: bool,
    output: Path,
):
    """Give the detector of the mmdet config CONFIG (a file, or mmdet::FOLDER/NAME.py) an explicit anchor list.

    The boxes are those it had; with --anchors, in the order of that set.

    Writes config.py (complete), head.json, and, if WEIGHTS are given, weights.pth (tensors only). WEIGHTS may be a
    checkpoint of mmdet 2.x or 3.x.

    With --back, CONFIG has an explicit list, pruned or not; config.py and weights.pth then need mmdet alone, and the
    generator that was found is printed. There is one for equally many anchors on every level, or for SSD's scheme.
    (mmdet 3's own SSDHead trains, but fails at prediction for want of an attribute `loss_cls`; ours has it.)
    """
    if back:
        if name is not None or order != "config" or anchors is not None or option:
            raise click.UsageError("--back goes without --name, --order, --anchors and --option")
        print_json(_back(config, weights, output))
        return
    from anchorprune.commands.detector import read_detector
    from anchorprune.detectors.mmdet.config.convert import convert
    from anchorprune.heads.cost import cost
    from anchorprune.heads.layout import Layout

    name = name or Path(config).stem
    trained_with = _anchors(config if order == "config" and anchors is not None else order)
    head = convert(read_detector(config, name, anchors, option), name, output, weights, trained_with)
    print_json({"output": str(output), "head": head.name, **cost(Layout.full(head)).to_dict()})


def _back(config: str, weights: Path | None, output: Path) -> dict:
    from anchorprune.detectors.mmdet.config.compose import read_config
    from anchorprune.detectors.mmdet.config.convert_back import convert_back

    return {"output": str(output), **convert_back(read_config(config), output, weights)}


def _anchors(order: str) -> Sequence | None:
    """The anchors that --order names; None for the config's own."""
    from anchorprune.anchors.anchor_order import published_ssd300
    from anchorprune.detectors.mmdet.config.compose import read_config
    from anchorprune.detectors.mmdet.config.convert import anchors_of

    if order == "config":
        return None
    return published_ssd300() if order == "published" else anchors_of(read_config(order))
