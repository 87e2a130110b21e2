"""`anchorprune report`: the pages, the tables and the figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import output_option, print_json
from anchorprune.commands.recorded import recorded_files


def _shown(given: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """The entries that a command's options ask for, and the names of the files they lead to."""
    from anchorprune.report import contents
    from anchorprune.report.data.manifest import read_manifest

    rows = read_manifest(given["manifest"])
    if given["experiment"] is not None:
        rows = [row for row in rows if row["experiment"] == given["experiment"]]
        return rows, contents.experiment_files(rows) if rows else []
    if given["overall"]:
        return rows, contents.overall_files(rows)
    drawn = contents.on_one_page(rows) if given["figures"] is None else given["figures"]
    return rows, contents.report_files(rows, drawn)


@click.command(
    epilog=example(
        "anchorprune report results/report/manifest.json --output {tried}/report",
    )
)
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option(
    "--published",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of published figures to show beside, such as config/published.",
)
@click.option("--experiment", metavar="NAME", help="Write this experiment's page, tables and figures, and no more.")
@click.option("--overall", is_flag=True, help="Write the page and the table of all experiments, and no more.")
@click.option(
    "--figures/--no-figures", default=None, help="Draw each experiment's figures.  [default: of up to 20 experiments]"
)
@output_option
@recorded_files(lambda given: [given["output"] / name for name in _shown(given)[1]])
def command(
    manifest: Path, published: Path | None, experiment: str | None, overall: bool, figures: bool | None, output: Path
) -> None:
    """Write the page, the table of all results (csv, md, tex), and each experiment's page, table and figures.

    The page, index.html, shows all of it and needs no other file: it can be sent as it is. Of more than 20
    experiments it shows the summary and every result, and leads to each experiment's own page, which again needs no
    other file; figures (pdf, svg, png), seconds for each experiment, are then drawn only if asked for.

    MANIFEST lists the detectors and the files their figures come from; the pipeline writes it, calls this with
    --experiment for one experiment after the other as they are done, and with --overall in the end. Results outside
    what an experiment expects are marked in the tables and said on standard error.
    """
    from anchorprune.provenance import also_read
    from anchorprune.report import contents, write
    from anchorprune.report.data.comparison import files_of_comparison
    from anchorprune.report.data.manifest import read_manifest
    from anchorprune.report.data.published import Published

    if (experiment is not None) + overall + (figures is not None) > 1:
        raise click.UsageError("--experiment, --overall and --figures exclude each other; give one of them")
    also_read(sorted(published.iterdir()) if published else ())
    read = Published.read(published) if published else Published()
    rows = read_manifest(manifest)
    shown, files = _shown({"manifest": manifest, "experiment": experiment, "overall": overall, "figures": figures})
    also_read(sorted({file for row in shown for file in row["files"].values()}))
    if experiment is None:
        also_read(files_of_comparison(rows))
    if experiment is not None:
        write.write_experiment(rows, read, output, experiment)
    elif overall:
        write.write_overall(rows, read, output)
    else:
        write.write_report(rows, read, output, contents.on_one_page(rows) if figures is None else figures)
    names = list(contents.experiments(shown))
    print_json({"output": str(output), "detectors": len(shown), "experiments": names, "files": files})
