"""`anchorprune anchors`: how well anchors fit a data set, and k-means anchors."""

from pathlib import Path

import click

from anchorprune.anchors.anchor_sets import read_anchor_set
from anchorprune.commands.help_example import example
from anchorprune.commands.options import IndexList, print_json
from anchorprune.files import read_json, write_json
from anchorprune.heads.head import Head, Level


@click.command(
    epilog=example(
        "anchorprune anchors {base}/train/head.json {data}/train.json --kmeans 2,4,5,3 --output {tried}/kmeans.json",
    )
)
@click.argument("head_or_anchors", type=click.Path(path_type=Path))
@click.argument("annotations", type=click.Path(path_type=Path))
@click.option("--input-size", type=IndexList(), help="W,H in pixels, for an anchor set.  [default: the head's]")
@click.option("--kmeans", type=IndexList(), help="Take k-means anchors instead, so many on each level, e.g. 4,6,6.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of k-means.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the anchor set, for `train --anchors`.")
def command(
    head_or_anchors: Path,
    annotations: Path,
    input_size: tuple[int, ...] | None,
    kmeans: tuple[int, ...] | None,
    seed: int,
    output: Path | None,
) -> None:
    """Print the best possible recall and the mean best IoU of anchors on the boxes of ANNOTATIONS.

    HEAD_OR_ANCHORS is a head.json or an anchor set (strides, and levels of [w, h] pairs in pixels). The share of the
    boxes that each anchor fits best comes with it, in the anchors' order. k-means anchors are fitted level by level,
    to the boxes that the level's given anchors overlap best, and then all together.
    """
    from anchorprune.anchors.anchor_sets import anchor_set
    from anchorprune.anchors.fit import fit
    from anchorprune.anchors.fitted_head import fitted_head
    from anchorprune.anchors.scaling import scaled_boxes
    from anchorprune.datasets.coco import read_coco

    head = _read_head(head_or_anchors, input_size)
    boxes, extent = scaled_boxes(read_coco(annotations), head.input_size, head.keep_ratio)
    if kmeans is not None:
        if len(kmeans) != len(head.levels) or min(kmeans) < 0:
            raise click.UsageError(f"--kmeans takes one number for each of the {len(head.levels)} levels")
        head = fitted_head(head, kmeans, boxes, extent, seed)
    found = fit(head, boxes, extent)
    if output is not None:
        write_json(output, anchor_set(head))
    print_json({"anchors_per_level": [len(level.anchors) for level in head.levels], **found.to_dict()})


def _read_head(path: Path, input_size: tuple[int, ...] | None) -> Head:
    value = read_json(path, "head description or anchor set")
    if input_size is not None and (len(input_size) != 2 or min(input_size) <= 0):
        raise click.UsageError("--input-size takes two numbers, W,H")
    if isinstance(value, dict) and "version" in value:
        if input_size is not None:
            raise click.UsageError("--input-size is for an anchor set; a head.json has its own")
        return Head.from_dict(value, str(path))
    if input_size is None:
        raise click.UsageError("an anchor set names no input size; give --input-size W,H")
    return _head_of_set(path, input_size)


def _head_of_set(path: Path, size: tuple[int, ...]) -> Head:
    value = read_anchor_set(path)
    levels = tuple(
        Level(stride, (-(-size[1] // stride), -(-size[0] // stride)), 0, 0, tuple((w, h) for w, h in anchors))
        for stride, anchors in zip(value["strides"], value["levels"], strict=True)
    )
    return Head(path.stem, (size[0], size[1]), 1, levels)
