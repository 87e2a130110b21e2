"""Options several sub-commands share."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

import click

from anchorprune.commands.dropout_settings import DropoutSettings
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout

FilePath = click.Path(path_type=Path)


class IndexList(click.ParamType):
    """Comma-separated anchor indices: `0,1,3`."""

    name = "indices"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(part) for part in str(value).split(",") if part.strip())
        except ValueError:
            self.fail(f"{value!r} is not a comma-separated list of anchor indices such as 0,1,3", param, ctx)


keep_option = click.option("--keep", type=IndexList(), help="Anchors to keep, e.g. 0,1,3. Default: all.")
drop_option = click.option("--drop", type=IndexList(), help="Anchors to remove, e.g. 5,7.")
layout_option = click.option("--layout", type=click.Path(path_type=Path), help="Layout file, as `search` writes them.")


def chosen_layout(
    head: Head, keep: tuple[int, ...] | None, drop: tuple[int, ...] | None, file: Path | None = None
) -> Layout:
    """The layout that --keep, --drop or a layout file describes; the full one without any.

    Raises:
        click.UsageError: more than one is given.
        UserError: an unknown index, or nothing is kept; the file is missing or of another head.
    """
    if sum(choice is not None for choice in (keep, drop, file)) > 1:
        raise click.UsageError("--keep, --drop and --layout exclude each other; give one of them")
    if file is not None:
        return Layout.load(file, head)
    if keep is not None:
        return Layout.keep(head, keep)
    return Layout.drop(head, drop or ())


def _detector_files(ctx: click.Context, param: click.Parameter, files: tuple[Path, ...]) -> tuple[Path, ...]:
    if len(files) > 2:
        raise click.UsageError("a detector is its folder, or CONFIG and WEIGHTS")
    return files


detector_argument = click.argument(
    "detector",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="DETECTOR",
    callback=_detector_files,
)


def print_json(value: Any) -> None:
    """Print one JSON object on standard output."""
    print(json.dumps(value, allow_nan=False), file=_results or sys.stdout)


_results: TextIO | None = None


@contextmanager
def only_results_on_stdout() -> Iterator[None]:
    """While open, what libraries print goes to standard error; `print_json` alone reaches standard output."""
    global _results
    _results = sys.stdout
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _results = None


device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="cuda: a free GPU of those in CUDA_VISIBLE_DEVICES, or of all; auto: that, or the CPU if there is none.",
)


def inference_options(function):
    """`--device`, `--batch-size` and `--threads` of a detector that runs over images."""
    for option in (
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of a computation."),
        click.option(
            "--batch-size",
            type=click.IntRange(1),
            help="Images of one size to take at once; scores then differ in their last digits.  [default: one by one]",
        ),
        device_option,
    ):
        function = option(function)
    return function


def split_options(function):
    """`--annotations` and `--images` of the split a command works on."""
    function = click.option(
        "--images", required=True, type=click.Path(path_type=Path), help="Folder the file names are relative to."
    )(function)
    return click.option(
        "--annotations", required=True, type=click.Path(path_type=Path), help="COCO annotation file of the split."
    )(function)


def detector_options(function):
    """`--anchors` and `--option`: changes to a detector's config."""
    function = click.option(
        "--option", multiple=True, metavar="KEY=VALUE", help="Override the config, e.g. model.test_cfg.score_thr=0.01."
    )(function)
    return click.option(
        "--anchors",
        type=click.Path(path_type=Path),
        help="JSON: strides, and levels of [w, h] pairs in pixels.  [default: the config's anchors]",
    )(function)


def backend_option(function):
    """`--backend`: which framework a detector is taken over from."""
    from anchorprune.detectors.registry import DEFAULT, names

    return click.option(
        "--backend", "backend_name", type=click.Choice(names()), default=DEFAULT, show_default=True, help="Framework."
    )(function)


def training_options(function):
    """Seed, threads, devices and the recipe's overrides."""
    default = "[default: the config's]"
    for option in (
        click.option("--backbone-weights", metavar="FILE|hub|none", help=f"What the backbone starts from.  {default}"),
        click.option(
            "--anchor-dropout",
            type=DropoutSettings(),
            help='Train with subsets of the anchors too: {} or, say, {"subsets": 2}; see config/README.md.',
        ),
        click.option("--amp/--no-amp", default=None, help=f"Automatic mixed precision.  {default}"),
        click.option("--workers", type=click.IntRange(0), help=f"Data-loading processes per device.  {default}"),
        click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="At the base batch size."),
        click.option("--base-batch-size", type=click.IntRange(1), help=f"That the rate is meant for.  {default}"),
        click.option("--batch-size", type=click.IntRange(1), help=f"Images per iteration and device.  {default}"),
        click.option("--repeats", type=click.IntRange(1), help=f"Passes over the split in an epoch.  {default}"),
        click.option("--iterations", type=click.IntRange(1), help="Stop after these, if the epochs end later."),
        click.option("--epochs", type=click.IntRange(1), help=f"The schedule stretches with them.  {default}"),
        device_option,
        click.option("--processes", type=click.IntRange(1), help="Train on the CPU, in so many processes together."),
        click.option("--gpus", type=click.IntRange(1), help="GPUs that train together.  [default: 1, if there is one]"),
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Torch threads."),
        click.option(
            "--seed",
            type=click.IntRange(0, 2**32 - 1),
            default=0,
            show_default=True,
            help="Of Python, NumPy and torch.",
        ),
    ):
        function = option(function)
    return function


output_option = click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="Folder the results go to."
)
