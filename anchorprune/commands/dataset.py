"""`anchorprune dataset`: COCO files, PASCAL VOC folders or generated scenes -> one prepared data set."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.dataset_options import (
    FolderPath,
    check_option,
    limit_option,
    output_option,
    prune_option,
    read_names,
    report,
    seed_option,
    test_option,
)
from anchorprune.commands.help_example import example
from anchorprune.commands.recorded import recorded
from anchorprune.datasets.kinds import KINDS
from anchorprune.datasets.kinds.coco2017 import PROTOCOLS, PRUNE_LIST
from anchorprune.datasets.prepared_writer import write_dataset
from anchorprune.provenance import also_read

SCENES = example("anchorprune dataset scenes --train 80 --prune 20 --test 20 --output {tried}/scenes")


@click.group(epilog=SCENES)
def command() -> None:
    """Prepare a data set: the splits train, prune (the search sees it) and test (the report sees it).

    Writes OUTPUT/train.json, prune.json and test.json (COCO annotation files) and OUTPUT/dataset.json (categories,
    counts, the image folder of each split, boxes left out). Images stay where they are.
    """


@command.command(epilog=SCENES)
@click.option("--train", type=int, default=800, show_default=True, help="Number of images to train on.")
@click.option("--prune", type=int, default=200, show_default=True, help="Number of images for the search.")
@click.option("--test", type=int, default=200, show_default=True, help="Number of images for the report.")
@click.option("--size", type=int, default=128, show_default=True, help="Width and height of the images, pixels.")
@seed_option
@output_option
@recorded
def scenes(output: Path, **options: Any) -> None:
    """Generate scenes of coloured shapes; the images go to OUTPUT/images."""
    _prepare("scenes", output, options)


@command.command(
    epilog=example(
        "anchorprune dataset coco --train {data}/train.json {data}/images/train "
        "--test {data}/test.json {data}/images/test --prune-fraction 0.1 --output {tried}/coco"
    )
)
@click.option("--train", type=(FolderPath, FolderPath), help="Annotation file and image folder. Default: none.")
@click.option("--prune", type=(FolderPath, FolderPath), help="The same for the search. Default: held out from train.")
@click.option("--test", type=(FolderPath, FolderPath), help="The same for the report.")
@prune_option
@test_option
@limit_option
@check_option
@seed_option
@output_option
@recorded
def coco(output: Path, **options: Any) -> None:
    """Read COCO annotation files, one per split or one to be split at random.

    Without --train, for a detector that is not trained, --test-fraction is a share of the --prune images.
    """
    _prepare("coco", output, options)


@command.command(epilog=example("anchorprune dataset coco2017 --root data/coco2017 --output {tried}/coco2017"))
@click.option("--root", type=FolderPath, required=True, help="Folder with annotations, train2017 and val2017.")
@click.option(
    "--protocol",
    type=click.Choice(PROTOCOLS),
    default="heldout",
    show_default=True,
    help="heldout: the search sees a part of train2017. release: search and report both see val2017, as published.",
)
@click.option(
    "--prune", type=FolderPath, default=PRUNE_LIST, show_default=True, help="List of the train2017 images to hold out."
)
@click.option(
    "--prune-fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Hold out this share of the train images, drawn by --seed, instead of the list: for a part of COCO.",
)
@limit_option
@check_option
@seed_option
@output_option
@recorded
def coco2017(output: Path, **options: Any) -> None:
    """Read COCO 2017 in its own layout: test is val2017, prune is held out of train2017.

    Where it is not there yet: anchorprune download coco2017 --root ROOT
    """
    _prepare("coco2017", output, options)


@command.command(
    epilog=example(
        "anchorprune dataset voc --root data/VOCdevkit --train VOC2007/trainval --train VOC2012/trainval "
        "--test VOC2007/test --prune-fraction 0.1 --output {tried}/voc0712"
    )
)
@click.option("--root", type=FolderPath, required=True, help="Folder with Annotations, ImageSets/Main and JPEGImages.")
@click.option(
    "--train",
    multiple=True,
    default=["train"],
    show_default=True,
    help="Image set to train on: NAME (ImageSets/Main/NAME.txt), or FOLDER/NAME below ROOT. Can be repeated.",
)
@click.option("--prune", multiple=True, help="Image set for the search. Default: held out from train.")
@click.option("--test", multiple=True, help="Image set for the report.")
@click.option(
    "--categories",
    callback=read_names,
    help="Class names in the order of their ids, e.g. cat,dog. Default: all, sorted by name.",
)
@prune_option
@test_option
@limit_option
@check_option
@seed_option
@output_option
@recorded
def voc(output: Path, **options: Any) -> None:
    """Read PASCAL VOC: one folder, or several years below a common one.

    Boxes marked `difficult` become crowds, which COCO's AP ignores; VOC's own mAP ignores them the VOC way.
    """
    _prepare("voc", output, options)


def _prepare(kind: str, output: Path, options: dict[str, Any]) -> None:
    preparation = KINDS[kind].prepare(output, **options)
    also_read(preparation.inputs)
    report(output, write_dataset(output, kind, preparation))
