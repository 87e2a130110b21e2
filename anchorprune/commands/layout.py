"""`anchorprune layout`: write down a layout."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import chosen_layout, drop_option, keep_option, print_json
from anchorprune.commands.recorded import recorded_file
from anchorprune.heads.cost import cost


@click.command(
    epilog=example(
        "anchorprune layout {base}/train/head.json --drop 5,7 --output {tried}/layout.json",
    )
)
@click.argument("head", type=click.Path(path_type=Path))
@keep_option
@drop_option
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Layout file to write.")
@recorded_file
def command(head: Path, keep: tuple[int, ...] | None, drop: tuple[int, ...] | None, output: Path) -> None:
    """Write the layout of HEAD (a head.json) that keeps or drops the given anchors, for `slice`, `score` and `cost`."""
    from anchorprune.heads.head import Head

    layout = chosen_layout(Head.load(head), keep, drop)
    layout.save(output)
    print_json({"output": str(output), "kept": list(layout.kept), **cost(layout).to_dict()})
