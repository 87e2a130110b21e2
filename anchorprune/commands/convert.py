"""`anchorprune convert`: a prunable detector from any mmdet config of a known head, and back."""

from collections.abc import Sequence
from pathlib import Path

import click

from anchorprune.commands.options import output_option, print_json


@click.command(epilog="Example: anchorprune convert ssd300_coco.py ssd300_coco.pth --output ssd300/")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("weights", type=click.Path(path_type=Path), required=False)
@click.option("--name", help="Name of the head; layouts refer to it.  [default: CONFIG's file name]")
@click.option(
    "--order",
    default="config",
    show_default=True,
    metavar="config|published|FILE",
    help="Whose anchors WEIGHTS have: CONFIG's; those of the paper's SSD300; or those of another mmdet config, FILE. "
    "They are matched to CONFIG's by their shape.",
)
@click.option("--back", is_flag=True, help="The other way: to mmdet's own head and generator, where they can give it.")
@output_option
def command(config: Path, weights: Path | None, name: str | None, order: str, back: bool, output: Path):
    """Give the detector of the mmdet config CONFIG an explicit anchor list, with the boxes it had.

    Writes config.py (complete), head.json, and, if WEIGHTS are given, weights.pth (tensors only). WEIGHTS may be a
    checkpoint of mmdet 2.x or 3.x.

    With --back, CONFIG has an explicit list, pruned or not; config.py and weights.pth then need mmdet alone, and the
    generator that was found is printed. There is one for equally many anchors on every level, or for SSD's scheme.
    (mmdet 3's own SSDHead trains, but fails at prediction for want of an attribute `loss_cls`; ours has it.)
    """
    if back and (name is not None or order != "config"):
        raise click.UsageError("--back goes without --name and --order")
    print_json(_back(config, weights, output) if back else _forth(config, weights, name or config.stem, order, output))


def _forth(config: Path, weights: Path | None, name: str, order: str, output: Path) -> dict:
    from anchorprune.cost import cost
    from anchorprune.detectors.compose import read_config
    from anchorprune.detectors.convert import convert
    from anchorprune.layout import Layout

    head = convert(read_config(config), name, output, weights, _anchors(order))
    return {"output": str(output), "head": head.name, **cost(Layout.full(head)).to_dict()}


def _back(config: Path, weights: Path | None, output: Path) -> dict:
    from anchorprune.detectors.compose import read_config
    from anchorprune.detectors.convert_back import convert_back

    return {"output": str(output), **convert_back(read_config(config), output, weights)}


def _anchors(order: str) -> Sequence | None:
    """The anchors that --order names; None for the config's own."""
    from anchorprune.anchor_order import published_ssd300
    from anchorprune.detectors.compose import read_config
    from anchorprune.detectors.convert import anchors_of

    if order == "config":
        return None
    return published_ssd300() if order == "published" else anchors_of(read_config(order))
