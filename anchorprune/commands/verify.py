"""`anchorprune verify`: do results still fit what they were made from?"""

import shlex
from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import print_json


@click.command(
    epilog=example(
        "anchorprune verify results",
    )
)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="results")
@click.option("--remove", is_flag=True, help="Delete damaged results, each whole, and say how to make them again.")
def command(folder: Path, remove: bool) -> None:
    """Compare the results below FOLDER with the records beside them: which command made them, of which files.

    One line on standard error for each output that is gone or damaged, and for each input that has changed since.
    Another commit, version or library than now, and results without a record, are notes. The images of a data set are
    not read again, but their digests are compared, where the data set has them.

    Snakemake makes again what was removed when it is asked for by name, as the last line says (with the --configfile of
    the run, if any): a file that only finished results were made from would be missing otherwise.

    Ends with status 0 when everything fits, else 1, also where --remove has deleted what did not.
    """
    from anchorprune.pipeline.runlock import hold_run_lock
    from anchorprune.provenance import remove_damaged, verify

    workplace = folder.absolute().parent / ".snakemake"
    if remove and workplace.is_dir():
        hold_run_lock(workplace)
    found = verify(folder)
    if remove:
        remove_damaged(found)
    for mark, lines in (("DAMAGED", found.damaged), ("CHANGED", found.changed), ("note   ", found.notes)):
        for line in lines:
            click.echo(f"{mark} {line}", err=True)
    for file in found.removed:
        click.echo(f"removed {file}", err=True)
    if found.remake:
        click.echo(f"to make them again: snakemake --cores all -- {shlex.join(found.remake)}", err=True)
    print_json({"folder": str(folder), **found.to_dict()})
    if not found.fits:
        raise click.exceptions.Exit(1)
