"""`anchorprune dataset`: COCO files, PASCAL VOC folders or generated scenes -> one prepared data set."""

import logging
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import print_json
from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.coco2017 import PROTOCOLS, PRUNE_LIST, annotation_file, hold_out_listed, read_coco2017
from anchorprune.datasets.finishing import finish, hold_out
from anchorprune.datasets.prepared import SPLITS, Split, write_dataset
from anchorprune.datasets.scenes import write_scenes
from anchorprune.datasets.voc import read_voc, voc_categories, voc_images

log = logging.getLogger(__name__)
_SHOWN = 20  # skipped boxes shown on standard error; dataset.json lists all of them

FolderPath = click.Path(path_type=Path)
output_option = click.option("--output", type=FolderPath, required=True, help="Folder to write.")
seed_option = click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of all random choices."
)
check_option = click.option("--check/--no-check", default=True, help="Decode every image first. Default: do.")
prune_option = click.option(
    "--prune-fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the train images held out for the prune split where --prune is not given.",
)
test_option = click.option(
    "--test-fraction",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of the train images held out for the test split where --test is not given.",
)
limit_option = click.option(
    "--limit",
    type=(click.Choice(SPLITS), click.IntRange(1)),
    multiple=True,
    help="Only a split's first images by id, for a quick try, e.g. --limit train 16. Can be given for each split.",
)


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

    _report(output, write_dataset(output, make, "scenes", seed))


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
    limit: tuple[tuple[str, int], ...],
    check: bool,
    seed: int,
    output: Path,
) -> None:
    """Read COCO annotation files, one per split or one to be split at random.

    Without --train, for a detector that is not trained, --test-fraction is a share of the --prune images.
    """
    given = {name: value for name, value in (("train", train), ("prune", prune), ("test", test)) if value}
    shares = _shares(given, prune_fraction, test_fraction)

    def make(folder: Path) -> dict[str, Split]:
        found = {name: (read_coco(file, skip_points=True), images) for name, (file, images) in given.items()}
        return finish(hold_out(found, shares, seed), output, dict(limit), check)

    inputs = [file for file, _ in given.values()]
    facts = _facts(shares, limit)
    _report(output, write_dataset(output, make, "coco", seed if shares else None, inputs, facts))


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
    limit: tuple[tuple[str, int], ...],
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
    facts = {"name": protocol} | ({"prune_list": str(listed)} if listed else {}) | _facts(shares, limit)
    _report(output, write_dataset(output, make, "coco2017", seed if shares else None, inputs, facts))


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
    limit: tuple[tuple[str, int], ...],
    check: bool,
    seed: int,
    output: Path,
) -> None:
    """Read PASCAL VOC: one folder, or several years below a common one.

    Boxes marked `difficult` become crowds, which COCO's AP ignores; VOC's own mAP ignores them the VOC way.
    """
    given = {name: value for name, value in (("train", train), ("prune", prune), ("test", test)) if value}
    shares = _shares(given, prune_fraction, test_fraction)

    def make(folder: Path) -> dict[str, Split]:
        names = _names(categories) if categories else voc_categories(root, given.values())
        found = {name: (read_voc(root, sets, names), voc_images(root, sets)) for name, sets in given.items()}
        return finish(hold_out(found, shares, seed), output, dict(limit), check)

    facts = _facts(shares, limit)
    _report(output, write_dataset(output, make, "voc", seed if shares else None, protocol=facts))


def _names(categories: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in categories.split(",") if name.strip())
    if not names or len(set(names)) < len(names):
        raise click.UsageError(f"--categories {categories!r} must be different names with commas between them")
    return names


def _shares(given: dict[str, Any], prune_fraction: float, test_fraction: float | None) -> dict[str, float]:
    """The splits to be taken from train, or from prune where there is no train, and their shares of it."""
    if not ("train" in given or "prune" in given):
        raise click.UsageError("no images to search on: give --train, --prune or both")
    if "test" not in given and test_fraction is None:
        raise click.UsageError("no test split: give --test, or --test-fraction to hold out a share of train for it")
    wanted = {"prune": prune_fraction, "test": test_fraction}
    shares = {name: share for name, share in wanted.items() if name not in given and share is not None}
    if sum(shares.values()) >= 1:
        raise click.UsageError("--prune-fraction and --test-fraction leave nothing to train on; make them smaller")
    return shares


def _facts(shares: dict[str, float], limit: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    """What dataset.json records of how the splits were made."""
    return ({"held_out": shares} if shares else {}) | ({"limit": dict(limit)} if limit else {})


def _report(output: Path, manifest: dict[str, Any]) -> None:
    """Skipped boxes to standard error, the summary to standard output."""
    splits = manifest["splits"]
    lines = [f"{name}: {line}" for name, entry in splits.items() for line in entry["skipped"]]
    for line in lines[:_SHOWN]:
        log.warning("%s", line)
    if len(lines) > _SHOWN:
        log.warning("and %d more boxes left out: see %s", len(lines) - _SHOWN, output / "dataset.json")
    counts = {name: entry | {"skipped": len(entry["skipped"])} for name, entry in splits.items()}
    print_json({"output": str(output)} | manifest | {"splits": counts})
