"""`anchorprune compare`: is one layout's AP really higher than another's?"""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import IndexList, print_json


@click.command(
    epilog=example(
        "anchorprune compare {base}/predict/predictions.parquet {data}/prune.json --keep 0,4,8,9,14 --keep 0,4,8,14",
    )
)
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("annotations", type=click.Path(path_type=Path))
@click.option("--keep", "keeps", type=IndexList(), multiple=True, required=True, help="Once: against all. Or twice.")
@click.option("--resamples", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="Threads. Default: every core this process may use.")
def command(
    predictions: Path,
    annotations: Path,
    keeps: tuple[tuple[int, ...], ...],
    resamples: int,
    seed: int,
    threads: int | None,
) -> None:
    """Print the AP difference of two layouts, first less second, with a 95% interval.

    The interval is that of a paired bootstrap over images. With one --keep the second layout is the full one.
    """
    from anchorprune.datasets.predicted import open_predicted
    from anchorprune.heads.layout import Layout

    if len(keeps) > 2:
        raise click.UsageError("give --keep once or twice; two layouts are compared")
    opened, truth = open_predicted(predictions, annotations)
    layouts = [Layout.keep(opened.head, keep) for keep in keeps]
    first, second = [*layouts, Layout.full(opened.head)][:2]
    from anchorprune.scoring import Bootstrap, Scorer

    scorer = Scorer(opened, truth, threads)
    difference = Bootstrap(scorer, resamples, seed).difference(first.kept, second.kept)
    print_json(
        {
            "first": {"kept": list(first.kept), "ap": scorer.ap(first.kept)},
            "second": {"kept": list(second.kept), "ap": scorer.ap(second.kept)},
            "difference": difference.ap,
            "low": difference.low,
            "high": difference.high,
            "resamples": resamples,
            "images": len(truth.images),
        }
    )
