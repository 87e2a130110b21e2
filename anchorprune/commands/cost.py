"""`anchorprune cost`: what a layout costs."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import chosen_layout, drop_option, keep_option, layout_option, print_json
from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head


@click.command(
    epilog=example(
        "anchorprune cost {base}/train/head.json --drop 5,7",
    )
)
@click.argument("head_or_predictions", type=click.Path(path_type=Path))
@keep_option
@drop_option
@layout_option
def command(
    head_or_predictions: Path, keep: tuple[int, ...] | None, drop: tuple[int, ...] | None, layout: Path | None
) -> None:
    """Print anchors, head MACs and boxes of a layout of HEAD_OR_PREDICTIONS (head.json or predictions.parquet)."""
    head = _read_head(head_or_predictions)
    print_json(cost(chosen_layout(head, keep, drop, layout)).to_dict())


def _read_head(path: Path) -> Head:
    if path.suffix == ".parquet":
        from anchorprune.heads.predictions import Predictions

        return Predictions.open(path).head
    return Head.load(path)
