"""`anchorprune search`: subsets of anchors that keep AP and cost less."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.number_types import Fraction, ShareOrValue
from anchorprune.commands.options import print_json
from anchorprune.commands.recorded import recorded
from anchorprune.heads.cost import COSTS
from anchorprune.search.choice import CHOICES
from anchorprune.search.methods import METHODS, heeding, load


class WithChoices(click.Command):
    """A command whose help says what each method and each cost is."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        with formatter.section("Methods"):
            formatter.write_dl([(name, load(name).summary) for name in METHODS])
        with formatter.section("Costs"):
            formatter.write_dl([(name, kind.summary) for name, kind in COSTS.items()])


@click.command(
    cls=WithChoices,
    epilog=example(
        "anchorprune search {base}/predict/predictions.parquet {data}/prune.json --budget 0.7 --output {tried}/search",
    ),
)
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("annotations", type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(METHODS), default="best", show_default=True)
@click.option("--cost", type=click.Choice(list(COSTS)), default="macs", show_default=True)
@click.option(
    "--latency-table", type=click.Path(path_type=Path), help="Of `anchorprune latency --table`, for that cost."
)
@click.option("--min-ap", type=ShareOrValue(), default="0", help="Pursue no subset below this AP: 0.2, or 78% of full.")
@click.option("--budget", "budgets", type=Fraction(), multiple=True, help="Fraction of the full cost; repeatable.")
@click.option(
    "--any-budget", is_flag=True, help="Keep a log from which `anchorprune choose` takes the layout of any budget."
)
@click.option(
    "--choice",
    type=click.Choice(list(CHOICES)),
    default="best",
    show_default=True,
    help="Of the subsets within a budget: the highest AP; within one standard error of it the most anchors;"
    " or the highest AP of those that cost at least 0.9 of the budget.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="Search again without each fold of the images, to correct APs for optimism; 0: do not.",
)
@click.option(
    "--criterion",
    type=click.Choice(("ap", "ratio")),
    default="ap",
    show_default=True,
    help=f"Of {heeding('criterion')}.",
)
@click.option(
    "--max-per-level", type=click.IntRange(min=0), help=f"Anchors a level may keep ({heeding('max_per_level')})."
)
@click.option("--max-subsets", type=click.IntRange(min=1), help="Score no more subsets than this.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help=f"Of {heeding('seed')}.")
@click.option(
    "--resamples", type=click.IntRange(min=0), default=1000, show_default=True, help="Of the intervals; 0: none."
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    nargs=2,
    metavar="PREDICTIONS ANNOTATIONS",
    help="Another split: the front's AP there, and the gap, become columns.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads. Default: every core this process may use.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for results.")
@recorded
def command(
    predictions: Path,
    annotations: Path,
    output: Path,
    threads: int | None,
    resamples: int,
    folds: int,
    report: tuple[Path, Path] | None,
    latency_table: Path | None,
    any_budget: bool,
    **given: Any,
) -> None:
    """Search subsets of anchors: write front.csv, evaluated.parquet, selection.json and a layout per budget.

    Which layout a budget gets does not depend on the other budgets.

    PREDICTIONS is a predictions file, ANNOTATIONS the COCO annotation file of the same images. Killed and started
    again with the same inputs, the search goes on where it was and ends with the same bytes.
    """
    from anchorprune.datasets.predicted import open_predicted
    from anchorprune.heads.latency_table import LatencyTable
    from anchorprune.scoring import Scorer
    from anchorprune.search.cautions import cautions, coincidences
    from anchorprune.search.correction import corrections, wanted_of
    from anchorprune.search.folds import cross_fit, fitting_folds
    from anchorprune.search.journal import Journal, fingerprint, fold_journal
    from anchorprune.search.log import write_folds
    from anchorprune.search.output import (
        budget_rows,
        front_rows,
        row,
        write_evaluated,
        write_front,
        write_layouts,
        write_selection,
    )
    from anchorprune.search.progress import Progress
    from anchorprune.search.run import Options, search

    if (latency_table is not None) != COSTS[given["cost"]].from_table:
        needing = " or ".join(name for name, kind in COSTS.items() if kind.from_table)
        raise click.UsageError(f"--cost {needing} and --latency-table FILE go together")
    opened, truth = open_predicted(predictions, annotations)
    reported = open_predicted(*report) if report else None
    measured = LatencyTable.load(latency_table, opened.head) if latency_table else None
    scorer = Scorer(opened, truth, threads)
    (number, share), budgets = given.pop("min_ap"), given.pop("budgets")

    def options_on(some: Scorer) -> Options:
        least = number * some.ap(range(opened.head.num_anchors)) if share else number
        return Options(min_ap=least, latency_table=measured, any_budget=any_budget or bool(budgets), **given)

    options, inputs = options_on(scorer), fingerprint([predictions, annotations])
    with Journal(output, inputs) as journal:
        with Progress(options) as progress:
            result = search(scorer, options, budgets, journal, progress)
        said = cautions(scorer, result.full)
        for line in [*said, *coincidences(result.budgets, result.full, options.cost)]:
            click.echo(f"search: {line}", err=True)
        folds = fitting_folds(scorer, folds)
        fit = cross_fit(
            scorer,
            options_on,
            wanted_of(result, options.choice),
            folds,
            lambda fold: fold_journal(output, inputs, f"fold {fold + 1} of {folds} by seed {options.seed}", fold),
            lambda fold: Progress(options, f", fold {fold + 1} of {folds}"),
        )
        corrected = corrections(scorer, result, fit, resamples)
        elsewhere = Scorer(*reported, threads) if reported else None
        write_evaluated(output, result.evaluated, options.cost)
        write_layouts(output, opened.head, result.budgets)
        write_front(output, front_rows(result, scorer, resamples, elsewhere, options.cost, corrected))
        rows = budget_rows(result, corrected)
        if any_budget:
            write_folds(output, fit.logs)
        about = {"folds": folds, "images": len(truth.images), "choice": options.choice, "cost": options.cost}
        about |= {"seed": options.seed, "any_budget": any_budget}
        write_selection(output, {**about, "budgets": rows, "warnings": said})
        journal.remove()
    print_json(
        {
            "method": options.method,
            "cost": options.cost,
            "subsets": len(result.evaluated),
            "full": row(result.full, options.cost),
            "front": [row(scored, options.cost) for scored in result.front],
            "budgets": {text: {**rows[text], **row(scored, options.cost)} for text, scored in result.budgets.items()},
            "output": str(output),
        }
    )
