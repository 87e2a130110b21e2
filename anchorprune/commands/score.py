"""`anchorprune score`: COCO's average precision of a layout."""

from dataclasses import asdict
from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import chosen_layout, drop_option, keep_option, layout_option, print_json
from anchorprune.commands.recorded import recorded_file
from anchorprune.files import write_json
from anchorprune.heads.cost import cost


@click.command(
    epilog=example(
        "anchorprune score {base}/predict/predictions.parquet {data}/prune.json --drop 5,7",
    )
)
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("annotations", type=click.Path(path_type=Path))
@keep_option
@drop_option
@layout_option
@click.option("--threads", type=click.IntRange(min=1), help="Threads. Default: every core this process may use.")
@click.option("--output", type=click.Path(path_type=Path), help="Write the figures to this JSON file too.")
@recorded_file
def command(
    predictions: Path,
    annotations: Path,
    keep: tuple[int, ...] | None,
    drop: tuple[int, ...] | None,
    layout: Path | None,
    threads: int | None,
    output: Path | None,
) -> None:
    """Print cost and COCO's AP figures of a layout: its boxes alone go through NMS and are evaluated.

    PREDICTIONS is a predictions file, ANNOTATIONS the COCO annotation file of the same images.
    """
    from anchorprune.datasets.predicted import open_predicted

    opened, truth = open_predicted(predictions, annotations)
    chosen = chosen_layout(opened.head, keep, drop, layout)
    from anchorprune.scoring import Scorer

    score = Scorer(opened, truth, threads).score(chosen.kept)
    found = {**cost(chosen).to_dict(), **asdict(score)}
    if output is not None:
        write_json(output, found)
    print_json(found)
