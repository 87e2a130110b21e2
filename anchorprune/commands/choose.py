"""`anchorprune choose`: a budget's layout from the log of a search."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.number_types import Fraction
from anchorprune.commands.options import print_json
from anchorprune.commands.recorded import recorded_files


def _folder(given: Mapping[str, Any]) -> Path:
    """Where a budget's files go."""
    return given["output"] or given["search"]


@click.command(
    epilog=example(
        "anchorprune choose {search} {base}/predict/predictions.parquet {data}/prune.json --budget 0.5 --output "
        "{tried}/choice",
    ),
)
@click.argument("search", type=click.Path(path_type=Path, file_okay=False))
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("annotations", type=click.Path(path_type=Path))
@click.option("--budget", type=Fraction(), required=True, help="Fraction of the full cost.")
@click.option("--latency-table", type=click.Path(path_type=Path), help="The search's, where its cost is by one.")
@click.option(
    "--resamples", type=click.IntRange(min=0), default=1000, show_default=True, help="Of the interval; 0: none."
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads. Default: every core this process may use.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for layout-BUDGET.json and choice-BUDGET.json. Default: the search's.",
)
@recorded_files(lambda given: [_folder(given) / f"{name}-{given['budget']}.json" for name in ("layout", "choice")])
def command(
    search: Path,
    predictions: Path,
    annotations: Path,
    budget: str,
    latency_table: Path | None,
    resamples: int,
    threads: int | None,
    output: Path | None,
) -> None:
    """Take one more budget's layout from a finished search, without searching.

    SEARCH is the folder of `anchorprune search --any-budget`, PREDICTIONS and ANNOTATIONS what it searched. Writes the
    layout that the search would have written with this --budget, and what it says of it.
    """
    from anchorprune.datasets.predicted import open_predicted
    from anchorprune.files import write_json
    from anchorprune.heads.cost import COSTS
    from anchorprune.heads.latency_table import LatencyTable
    from anchorprune.heads.layout import Layout
    from anchorprune.scoring import Scorer
    from anchorprune.search.chosen import choose_budget
    from anchorprune.search.log import read_log
    from anchorprune.search.output import VERSION, row
    from anchorprune.search.run import Options

    log = read_log(search)
    if (latency_table is not None) != COSTS[log.about["cost"]].from_table:
        raise click.UsageError(f"a search by {log.about['cost']}: --latency-table FILE goes with costs by one")
    opened, truth = open_predicted(predictions, annotations)
    measured = LatencyTable.load(latency_table, opened.head) if latency_table else None
    scorer = Scorer(opened, truth, threads)
    scored, found = choose_budget(scorer, log, Options(latency_table=measured), budget, resamples)
    folder = output or search
    write_json(folder / f"choice-{budget}.json", {"version": VERSION, "budget": budget, **found})
    Layout(opened.head, scored.kept).save(folder / f"layout-{budget}.json")
    print_json({**found, **row(scored, log.about["cost"]), "output": str(folder)})
