"""`anchorprune doctor`: what is installed, what is missing and how to get it."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import print_json


@click.command(
    epilog=example(
        "anchorprune doctor --config config/datasets.yaml",
    )
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("config/datasets.yaml"),
    show_default=True,
    help="Whose data sets to look for, and whose detectors' backends are needed, beside those that are installed.",
)
def command(config: Path) -> None:
    """Look over this machine: one line each for what is there and what is missing, with the remedy.

    Lines go to standard error, the same facts as JSON to standard output. Ends with status 0 when everything that the
    pipeline needs is there, else 1.
    """
    from anchorprune.detectors.configured import used_backends
    from anchorprune.detectors.registry import findings as of_backends
    from anchorprune.pipeline.checkup import checkup

    findings = checkup(config, of_backends(used_backends(config)))
    for finding in findings:
        mark = "ok     " if finding.ok else "MISSING" if finding.required else "none   "
        click.echo(f"{mark} {finding.name}: {finding.text}", err=True)
    print_json({finding.name: {"ok": finding.ok, "text": finding.text} for finding in findings})
    if any(finding.required and not finding.ok for finding in findings):
        raise click.exceptions.Exit(1)
