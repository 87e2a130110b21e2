"""`anchorprune show`: what a pruned detector finds, beside the full one."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import FilePath, output_option, print_json
from anchorprune.errors import UserError


@click.command(
    epilog=example(
        "anchorprune show {base}/train {pruned}/slice {data}/images/test/test-000001.png "
        "{data}/images/test/test-000002.png --score 0.3 --output {tried}/pictures",
    )
)
@click.argument("full", type=FilePath)
@click.argument("pruned", type=FilePath)
@click.argument("images", type=FilePath, nargs=-1, required=True)
@click.option("--score", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Least score shown.")
@click.option("--iou", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Overlap of the same object.")
@output_option
def command(full: Path, pruned: Path, images: tuple[Path, ...], score: float, iou: float, output: Path) -> None:
    """Draw the detections of two detectors on IMAGES side by side, with those marked that only one has.

    FULL and PRUNED are detectors' folders. Below the photos: each level's cells and anchors.
    """
    from anchorprune.detectors.registry import load
    from anchorprune.report.figures.side_by_side import Side, write_comparison

    _check(images)
    detectors = [load([folder], device="cpu") for folder in (full, pruned)]
    if detectors[0].classes != detectors[1].classes or len({len(d.head.levels) for d in detectors}) > 1:
        raise UserError(f"{full} and {pruned}: not a detector and its pruned form; their classes or levels differ")
    streams = [detector.on_photos(images) for detector in detectors]
    shown = []
    for image, *found in zip(images, *streams, strict=True):
        sides = [
            Side(f"{word}, {detector.head.num_anchors} anchors", detector.head, one.above(score))
            for word, detector, one in zip(("full", "pruned"), detectors, found, strict=True)
        ]
        picture = output / f"{image.stem}.png"
        counts = write_comparison(image, *sides, detectors[0].classes, iou, picture)
        shown.append({"image": str(image), "output": str(picture), **counts})
    print_json({"images": shown})


def _check(images: tuple[Path, ...]) -> None:
    for image in images:
        if not image.is_file():
            raise UserError(f"{image}: no such image; check the path")
    stems = [image.stem for image in images]
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise UserError(f"two images are named {twice!r}, and their pictures would be too; show them one by one")
