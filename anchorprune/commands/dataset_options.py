"""What the kinds of `anchorprune dataset` share: options, the shares held out of train, the summary."""

import logging
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import print_json
from anchorprune.datasets.splits import SPLITS

log = logging.getLogger(__name__)
_SHOWN = 20  # skipped boxes shown on standard error; dataset.json lists all of them

Limits = tuple[tuple[str, int], ...]
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


def read_names(categories: str) -> tuple[str, ...]:
    """Class names with commas between them; raises click.UsageError where one is given twice or none."""
    names = tuple(name.strip() for name in categories.split(",") if name.strip())
    if not names or len(set(names)) < len(names):
        raise click.UsageError(f"--categories {categories!r} must be different names with commas between them")
    return names


def shares_held_out(given: dict[str, Any], prune_fraction: float, test_fraction: float | None) -> dict[str, float]:
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


def facts(shares: dict[str, float], limit: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    """What dataset.json records of how the splits were made."""
    return ({"held_out": shares} if shares else {}) | ({"limit": dict(limit)} if limit else {})


def report(output: Path, manifest: dict[str, Any]) -> None:
    """Skipped boxes to standard error, the summary to standard output."""
    splits = manifest["splits"]
    lines = [f"{name}: {line}" for name, entry in splits.items() for line in entry["skipped"]]
    for line in lines[:_SHOWN]:
        log.warning("%s", line)
    if len(lines) > _SHOWN:
        log.warning("and %d more boxes left out: see %s", len(lines) - _SHOWN, output / "dataset.json")
    counts = {name: entry | {"skipped": len(entry["skipped"])} for name, entry in splits.items()}
    print_json({"output": str(output)} | manifest | {"splits": counts})
