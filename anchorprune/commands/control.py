"""`anchorprune control`: what a searched layout is held against, with as many anchors on each level."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import FilePath, print_json
from anchorprune.commands.recorded import recorded_file
from anchorprune.files import write_json

seed_option = click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of what is drawn.")


RANDOM = example(
    "anchorprune control random {base}/train/head.json {search}/layout-0.4.json --output {tried}/random.json"
)


@click.group(epilog=RANDOM)
def command() -> None:
    """Make a control for LAYOUT, a layout of HEAD (head.json): as many anchors on each level, chosen otherwise.

    The control costs what the layout costs. Does the searched layout beat it?
    """


@command.command(epilog=RANDOM)
@click.argument("head", type=FilePath)
@click.argument("layout", type=FilePath)
@seed_option
@click.option("--output", required=True, type=FilePath, help="Write the layout, for `slice` and `retrain`.")
@recorded_file
def random(head: Path, layout: Path, seed: int, output: Path) -> None:
    """Draw a layout of the same anchors per level; each is as likely as any other."""
    from anchorprune.anchors.controls import random_layout
    from anchorprune.heads.cost import cost
    from anchorprune.heads.head import Head
    from anchorprune.heads.layout import Layout

    drawn = random_layout(Layout.load(layout, Head.load(head)), seed)
    drawn.save(output)
    print_json({"kept": list(drawn.kept), **cost(drawn).to_dict()})


@command.command(
    epilog=example(
        "anchorprune control kmeans {base}/train/head.json {search}/layout-0.4.json {data}/train.json "
        "--output {tried}/anchors.json"
    )
)
@click.argument("head", type=FilePath)
@click.argument("layout", type=FilePath)
@click.argument("annotations", type=FilePath)
@seed_option
@click.option("--output", required=True, type=FilePath, help="Write the anchor set, for `train --anchors`.")
@recorded_file
def kmeans(head: Path, layout: Path, annotations: Path, seed: int, output: Path) -> None:
    """Fit as many anchors per level to the boxes of ANNOTATIONS (a COCO file, the training split's) by k-means."""
    from anchorprune.anchors.anchor_sets import anchor_set
    from anchorprune.anchors.fit import fit
    from anchorprune.anchors.fitted_head import fitted_head
    from anchorprune.anchors.scaling import scaled_boxes
    from anchorprune.datasets.coco import read_coco
    from anchorprune.heads.head import Head
    from anchorprune.heads.layout import Layout

    chosen = Layout.load(layout, Head.load(head))
    boxes, extent = scaled_boxes(read_coco(annotations), chosen.head.input_size, chosen.head.keep_ratio)
    fitted = fitted_head(chosen.head, chosen.anchors_per_level, boxes, extent, seed)
    write_json(output, anchor_set(fitted))
    print_json({"anchors_per_level": list(chosen.anchors_per_level), **fit(fitted, boxes, extent).to_dict()})
