"""`anchorprune dataset`: COCO files, PASCAL VOC folders or generated scenes -> one prepared data set."""

from pathlib import Path

import click

from anchorprune.commands.dataset_options import (
    FolderPath,
    Limits,
    check_option,
    facts,
    limit_option,
    output_option,
    prune_option,
    read_names,
    report,
    seed_option,
    shares_held_out,
    test_option,
)
from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.coco2017 import PROTOCOLS, PRUNE_LIST, annotation_file, hold_out_listed, read_coco2017
from anchorprune.datasets.finishing import finish, hold_out
from anchorprune.datasets.prepared import Split, write_dataset
from anchorprune.datasets.scenes import write_scenes
from anchorprune.datasets.voc import read_voc, voc_categories, voc_images


@click.group()
def command() -> None:
    """Prepare a data set: the splits train, prune (the search sees it) and test (the report sees it).

    Writes OUTPUT/train.json, prune.json and test.json (COCO annotation files) and OUTPUT/dataset.json (categories,
    counts, the image folder of each split, boxes left out). Images stay where they are.
    """


@command.command(epilog="Example: anchorprune dataset scenes --train 800 --prune 200 --test 200 --output scenes")
@click.option("--train", type=int, default=800, show_default=True, help="Number of images to train on.")
@click.option("--prune", type=int, default=200, show_default=True, help="Number of images for the search.")
@click.option("--test", type=int, default=200, show_default=True, help="Number of images for the report.")
@click.option("--size", type=int, default=128, show_default=True, help="Width and height of the images, pixels.")
@seed_option
@output_option
def scenes(train: int, prune: int, test: int, size: int, seed: int, output: Path) -> None:
    """Generate scenes of coloured shapes; the images go to OUTPUT/images."""
    counts = {"train": train, "prune": prune, "test": test}

    def make(folder: Path) -> dict[str, Split]:
        return {
            name: Split(write_scenes(folder / "images" / name, seed, name, count, size), Path("images") / name)
            for name, count in counts.items()
        }

    report(output, write_dataset(output, make, "scenes", seed))


@command.command(epilog="Example: anchorprune dataset coco --train a.json imgs --test b.json imgs --output data")
@click.option("--train", type=(FolderPath, FolderPath), help="Annotation file and image folder. Default: none.")
@click.option("--prune", type=(FolderPath, FolderPath), help="The same for the search. Default: held out from train.")
@click.option("--test", type=(FolderPath, FolderPath), help="The same for the report.")
@prune_option
@test_option
@limit_option
@check_option
@seed_option
@output_option
def coco(
    train: tuple[Path, Path] | None,
    prune: tuple[Path, Path] | None,
    test: tuple[Path, Path] | None,
    prune_fraction: float,
    test_fraction: float | None,
    limit: Limits,
    check: bool,
    seed: int,
    output: Path,
) -> None:
    """Read COCO annotation files, one per split or one to be split at random.

    Without --train, for a detector that is not trained, --test-fraction is a share of the --prune images.
    """
    given = {name: value for name, value in (("train", train), ("prune", prune), ("test", test)) if value}
    shares = shares_held_out(given, prune_fraction, test_fraction)

    def make(folder: Path) -> dict[str, Split]:
        found = {name: (read_coco(file, skip_points=True), images) for name, (file, images) in given.items()}
        return finish(hold_out(found, shares, seed), output, dict(limit), check)

    inputs = [file for file, _ in given.values()]
    protocol = facts(shares, limit)
    report(output, write_dataset(output, make, "coco", seed if shares else None, inputs, protocol))


@command.command(epilog="Example: anchorprune dataset coco2017 --root data/coco2017 --output coco")
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
def coco2017(
    root: Path,
    protocol: str,
    prune: Path,
    prune_fraction: float | None,
    limit: Limits,
    check: bool,
    seed: int,
    output: Path,
) -> None:
    """Read COCO 2017 in its own layout: test is val2017, prune is held out of train2017.

    Where it is not there yet: anchorprune download coco2017 --root ROOT
    """
    heldout = protocol == "heldout"
    shares = {"prune": prune_fraction} if heldout and prune_fraction else {}
    listed = prune if heldout and not shares else None

    def make(folder: Path) -> dict[str, Split]:
        found = hold_out(read_coco2017(root, protocol), shares, seed)
        found = hold_out_listed(found, listed) if listed else found
        return finish(found, output, dict(limit), check, same=() if heldout else ("prune", "test"))

    inputs = [annotation_file(root, part) for part in ("train", "val")]
    named = {"name": protocol} | ({"prune_list": str(listed)} if listed else {}) | facts(shares, limit)
    report(output, write_dataset(output, make, "coco2017", seed if shares else None, inputs, named))


@command.command(
    epilog="Example: anchorprune dataset voc --root VOCdevkit --train VOC2007/trainval --train VOC2012/trainval "
    "--test VOC2007/test --prune-fraction 0.1 --output voc0712"
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
@click.option("--categories", help="Class names in the order of their ids, e.g. cat,dog. Default: all, sorted by name.")
@prune_option
@test_option
@limit_option
@check_option
@seed_option
@output_option
def voc(
    root: Path,
    train: tuple[str, ...],
    prune: tuple[str, ...],
    test: tuple[str, ...],
    categories: str | None,
    prune_fraction: float,
    test_fraction: float | None,
    limit: Limits,
    check: bool,
    seed: int,
    output: Path,
) -> None:
    """Read PASCAL VOC: one folder, or several years below a common one.

    Boxes marked `difficult` become crowds, which COCO's AP ignores; VOC's own mAP ignores them the VOC way.
    """
    given = {name: value for name, value in (("train", train), ("prune", prune), ("test", test)) if value}
    shares = shares_held_out(given, prune_fraction, test_fraction)

    def make(folder: Path) -> dict[str, Split]:
        names = read_names(categories) if categories else voc_categories(root, given.values())
        found = {name: (read_voc(root, sets, names), voc_images(root, sets)) for name, sets in given.items()}
        return finish(hold_out(found, shares, seed), output, dict(limit), check)

    protocol = facts(shares, limit)
    report(output, write_dataset(output, make, "voc", seed if shares else None, protocol=protocol))
