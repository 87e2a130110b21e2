"""`anchorprune report`: the tables and plots."""

from pathlib import Path

import click

from anchorprune.commands.options import output_option, print_json


@click.command(epilog="Example: anchorprune report results/report/manifest.json --output results/report")
@click.argument("manifest", type=click.Path(path_type=Path))
@output_option
def command(manifest: Path, output: Path) -> None:
    """Write results.csv/.md/.tex, and per experiment the Pareto plot and the layouts' picture (pdf, svg, png).

    MANIFEST lists the detectors and the files their figures come from; the pipeline writes it.
    """
    from anchorprune.report.layouts import write_layouts
    from anchorprune.report.pareto import write_pareto
    from anchorprune.report.results import read_manifest, results_table
    from anchorprune.report.tables import write_tables

    rows = read_manifest(manifest)
    table = results_table(rows)
    write_tables(table, output)
    experiments = list(dict.fromkeys(row["experiment"] for row in rows))
    for name in experiments:
        write_pareto(name, rows, table, output)
        write_layouts(name, rows, table, output)
    print_json({"output": str(output), "detectors": len(rows), "experiments": experiments})
