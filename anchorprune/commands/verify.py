"""`anchorprune verify`: do results still fit what they were made from?"""

from pathlib import Path

import click

from anchorprune.commands.options import print_json


@click.command(epilog="Example: anchorprune verify results --remove; snakemake --cores 2")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="results")
@click.option(
    "--remove", is_flag=True, help="Delete damaged results, each whole, so that `snakemake` makes them again."
)
def command(folder: Path, remove: bool) -> None:
    """Compare the results below FOLDER with the records beside them: which command made them, of which files.

    One line on standard error for each output that is gone or damaged, and for each input that has changed since.
    Another commit, version or library than now, and results without a record, are notes. The images of a data set are
    not read again, but their digests are compared, where the data set has them.

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
    print_json({"folder": str(folder), **found.to_dict()})
    if not found.fits:
        raise click.exceptions.Exit(1)
