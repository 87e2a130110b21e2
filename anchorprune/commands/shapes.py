"""`anchorprune shapes`: widths and heights of the boxes that each anchor predicts."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import output_option, print_json
from anchorprune.errors import UserError


@click.command(
    epilog=example(
        "anchorprune shapes {base}/predict/predictions.parquet {data}/prune.json --min-score 0.3 --output "
        "{tried}/shapes",
    )
)
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("annotations", type=click.Path(path_type=Path))
@click.option(
    "--keep-ratio/--stretch", default=None, help="How images were scaled to the input.  [default: as the head says]"
)
@click.option("--level", "levels", type=click.IntRange(0), multiple=True, help="Only this level; repeatable.")
@click.option(
    "--min-score", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Of the boxes that are counted."
)
@output_option
def command(
    predictions: Path,
    annotations: Path,
    keep_ratio: bool | None,
    levels: tuple[int, ...],
    min_score: float,
    output: Path,
) -> None:
    """Draw shapes.pdf/.svg/.png: width and height of the boxes each anchor predicts, the anchor's own shape marked.

    PREDICTIONS is a predictions file, ANNOTATIONS the COCO annotation file of the same images. Prints, for each anchor,
    its own width and height, how many boxes it predicts and their median width and height, all in input pixels.
    """
    from anchorprune.datasets.predicted import open_predicted
    from anchorprune.report.data.shapes import count_shapes, summary
    from anchorprune.report.figures.predicted_shapes import draw_shapes
    from anchorprune.report.figures.style import style, write_figure

    opened, truth = open_predicted(predictions, annotations)
    unknown = [level for level in levels if level >= len(opened.head.levels) or not opened.head.levels[level].anchors]
    if unknown:
        raise UserError(
            f"{predictions}: no anchors on a level {unknown[0]}; the head has {len(opened.head.levels)} levels"
        )
    shapes = count_shapes(opened, truth, keep_ratio, min_score)
    with style():
        write_figure(draw_shapes(shapes, levels), output, "shapes")
    print_json({"output": str(output), "boxes": int(shapes.counts.sum()), "anchors": summary(shapes)})
