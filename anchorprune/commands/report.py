"""`anchorprune report`: the page, the tables and the figures."""

from pathlib import Path

import click

from anchorprune.commands.options import output_option, print_json
from anchorprune.commands.recorded import recorded


@click.command(epilog="Example: anchorprune report results/report/manifest.json --output results/report")
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option(
    "--published",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of published figures to show beside, such as config/published.",
)
@output_option
@recorded
def command(manifest: Path, published: Path | None, output: Path) -> None:
    """Write the page, the table of all results (csv, md, tex), and each experiment's table and figures (pdf, svg, png).

    The page, index.html, shows all of it and needs no other file: it can be sent as it is.

    MANIFEST lists the detectors and the files their figures come from; the pipeline writes it. Results outside what an
    experiment expects are marked in the tables and said on standard error.
    """
    from anchorprune.provenance import also_read
    from anchorprune.report.contents import report_files
    from anchorprune.report.data.manifest import read_manifest
    from anchorprune.report.data.published import Published
    from anchorprune.report.write import write_report

    rows = read_manifest(manifest)
    also_read(sorted({file for row in rows for file in row["files"].values()}))
    also_read(sorted(published.iterdir()) if published else ())
    write_report(rows, Published.read(published) if published else Published(), output)
    experiments = list(dict.fromkeys(row["experiment"] for row in rows))
    print_json({"output": str(output), "detectors": len(rows), "experiments": experiments, "files": report_files(rows)})
