"""What the sub-commands of `anchorprune dataset` share: options, and the summary."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import print_json
from anchorprune.datasets.rare_classes import misspelt
from anchorprune.datasets.splits import SPLITS

LOG = logging.getLogger(__name__)
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
    callback=lambda ctx, param, pairs: dict(pairs),
    help="Only a split's first images by id, for a quick try, e.g. --limit train 16. Can be given for each split.",
)


def read_names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Class names with commas between them; raises click.UsageError where one is given twice or none."""
    if not value:
        return None
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not names or len(set(names)) < len(names):
        raise click.UsageError(f"{param.opts[0]} {value!r} must be different names with commas between them")
    return names


def report(output: Path, manifest: dict[str, Any]) -> None:
    """Classes and odd boxes to standard error, the summary to standard output."""
    splits = manifest["splits"]
    _report_classes(splits)
    for name, entry in splits.items():
        if entry["unusable_count"]:
            LOG.warning(
                "%s: %d boxes have no area, lie outside their image or are one pixel; COCO counts them, so they stay",
                name,
                entry["unusable_count"],
            )
    lines = [f"{name}: {line}" for name, entry in splits.items() for line in entry["skipped"]]
    for line in lines[:_SHOWN]:
        LOG.warning("%s", line)
    if len(lines) > _SHOWN:
        LOG.warning("and %d more boxes left out: see %s", len(lines) - _SHOWN, output / "dataset.json")
    counts = {name: entry | {"skipped": len(entry["skipped"])} for name, entry in splits.items()}
    print_json({"output": str(output)} | manifest | {"splits": counts})


def _report_classes(splits: dict[str, Any]) -> None:
    """How many boxes each class has, over all splits, and which may be misspelt."""
    total: Counter[str] = Counter()
    for entry in splits.values():
        total.update(entry["boxes_of_class"])
    LOG.info("boxes of each class: %s", ", ".join(f"{name} {count}" for name, count in total.items()))
    for rare, usual in misspelt(total):
        LOG.warning(
            "class %r has %d boxes, %r has %d: if it is the same, correct the name in the annotation files",
            rare,
            total[rare],
            usual,
            total[usual],
        )
