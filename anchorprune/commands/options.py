"""Options several sub-commands share."""

import json
from typing import Any

import click

from anchorprune.layout import Head, Layout


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


def chosen_layout(head: Head, keep: tuple[int, ...] | None, drop: tuple[int, ...] | None) -> Layout:
    """The layout that --keep or --drop describes; the full one without either.

    Raises:
        click.UsageError: both are given.
        UserError: an unknown index, or nothing is kept.
    """
    if keep is not None and drop is not None:
        raise click.UsageError("--keep and --drop exclude each other; give one of them")
    if keep is not None:
        return Layout.keep(head, keep)
    return Layout.drop(head, drop or ())


def print_json(value: Any) -> None:
    """Print one JSON object on standard output."""
    click.echo(json.dumps(value, allow_nan=False))
