"""`anchorprune download`: a public data set from its publishers' servers."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import print_json
from anchorprune.downloads.table import COLLECTIONS


def _sizes() -> str:
    totals = {name: sum(archive.size for archive in archives) for name, archives in COLLECTIONS.items()}
    return ", ".join(f"{name} {total / 1e9:.3g} GB" for name, total in totals.items())


@click.command(
    epilog=f"Sizes: {_sizes()}; twice that is needed while they are unpacked.\n\n"
    + example("anchorprune download coco2017 --root data/coco2017")
)
@click.argument("collection", type=click.Choice(list(COLLECTIONS)))
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder it goes to: COCO's annotations, train2017 and val2017, or VOC2007 and VOC2012, come right below it.",
)
@click.option("--mirror", help="URL to fetch from instead, with the paths of the original server below it.")
def command(collection: str, root: Path, mirror: str | None) -> None:
    """Download a data set and unpack it; what is below ROOT already is left as it is.

    A download that was stopped goes on where it was. Every archive's SHA-256 is checked before it is unpacked, and
    the archive is removed afterwards. The data sets have terms of use of their own.
    """
    from anchorprune.downloads.collect import download

    print_json(download(COLLECTIONS[collection], root, mirror))
