"""`anchorprune dataset`: COCO files, a PASCAL VOC folder or generated scenes -> one prepared data set."""

import logging
import os
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import print_json
from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.check import check_disjoint, check_images
from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.prepared import SPLITS, Split, write_dataset
from anchorprune.datasets.scenes import write_scenes
from anchorprune.datasets.splits import split as split_images
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
@click.option("--train", type=(FolderPath, FolderPath), required=True, help="Annotation file and image folder.")
@click.option("--prune", type=(FolderPath, FolderPath), help="The same for the search. Default: held out from train.")
@click.option("--test", type=(FolderPath, FolderPath), help="The same for the report.")
@prune_option
@test_option
@check_option
@seed_option
@output_option
def coco(
    train: tuple[Path, Path],
    prune: tuple[Path, Path] | None,
    test: tuple[Path, Path] | None,
    prune_fraction: float,
    test_fraction: float | None,
    check: bool,
    seed: int,
    output: Path,
) -> None:
    """Read COCO annotation files, one per split or one to be split at random."""
    given = {name: value for name, value in (("train", train), ("prune", prune), ("test", test)) if value}
    held_out = _held_out(given, prune_fraction, test_fraction)

    def make(folder: Path) -> dict[str, Split]:
        found = {name: (read_coco(file, skip_points=True), images) for name, (file, images) in given.items()}
        return _finish(found, held_out, seed, check, output)

    inputs = [file for file, _ in given.values()]
    _report(output, write_dataset(output, make, "coco", seed if held_out else None, inputs))


@command.command(
    epilog="Example: anchorprune dataset voc --root VOC2007 --train train --prune val --test test --output data"
)
@click.option("--root", type=FolderPath, required=True, help="Folder with Annotations, ImageSets/Main and JPEGImages.")
@click.option("--train", default="train", show_default=True, help="Image list to train on (ImageSets/Main/NAME.txt).")
@click.option("--prune", help="Image list for the search. Default: held out from train.")
@click.option("--test", help="Image list for the report.")
@click.option("--categories", help="Class names in the order of their ids, e.g. cat,dog. Default: all, sorted by name.")
@prune_option
@test_option
@check_option
@seed_option
@output_option
def voc(
    root: Path,
    train: str,
    prune: str | None,
    test: str | None,
    categories: str | None,
    prune_fraction: float,
    test_fraction: float | None,
    check: bool,
    seed: int,
    output: Path,
) -> None:
    """Read a PASCAL VOC folder. Boxes marked `difficult` become crowds, which AP ignores."""
    given = {name: value for name, value in (("train", train), ("prune", prune), ("test", test)) if value}
    held_out = _held_out(given, prune_fraction, test_fraction)

    def make(folder: Path) -> dict[str, Split]:
        names = _names(categories) if categories else voc_categories(root, given.values())
        found = {name: (read_voc(root, value, names), voc_images(root)) for name, value in given.items()}
        return _finish(found, held_out, seed, check, output)

    _report(output, write_dataset(output, make, "voc", seed if held_out else None))


def _names(categories: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in categories.split(",") if name.strip())
    if not names or len(set(names)) < len(names):
        raise click.UsageError(f"--categories {categories!r} must be different names with commas between them")
    return names


def _held_out(given: dict[str, Any], prune_fraction: float, test_fraction: float | None) -> dict[str, float]:
    """The splits to be taken from train, and their shares of it."""
    if "test" not in given and test_fraction is None:
        raise click.UsageError("no test split: give --test, or --test-fraction to hold out a share of train for it")
    shares = {"prune": prune_fraction, "test": test_fraction}
    held_out = {name: share for name, share in shares.items() if name not in given and share is not None}
    if sum(held_out.values()) >= 1:
        raise click.UsageError("--prune-fraction and --test-fraction leave nothing to train on; make them smaller")
    return held_out


def _finish(
    found: dict[str, tuple[Annotations, Path]], held_out: dict[str, float], seed: int, check: bool, output: Path
) -> dict[str, Split]:
    """Hold out what is missing, check that splits are disjoint and images whole."""
    if held_out:
        whole, images = found["train"]
        parts = split_images(whole, held_out | {"train": 1 - sum(held_out.values())}, seed)
        found = found | {name: (part, images) for name, part in parts.items()}
    found = {name: found[name] for name in SPLITS}
    check_disjoint(found)
    for annotations, images in found.values() if check else ():
        check_images(annotations, images)
    return {name: Split(part, _recorded(images, output)) for name, (part, images) in found.items()}


def _recorded(images: Path, output: Path) -> Path:
    """An absolute path stays; a relative one is recorded relative to OUTPUT, so that both can move together."""
    if images.is_absolute():
        return images
    return Path(os.path.relpath(os.path.realpath(images), os.path.realpath(output)))


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
