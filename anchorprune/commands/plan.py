"""`anchorprune plan`: what a run of the pipeline costs, before it starts."""

import shutil
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import FilePath, print_json

RESULTS = Path("results")
HEADINGS = ("experiment", "trainings", "finished", "to do", "hours each", "on", "GPU hours", "disk")


@click.command(
    epilog=example(
        "anchorprune plan --run paper",
    )
)
@click.option(
    "--configfile", "files", type=FilePath, multiple=True, help="As Snakemake's: laid over the shipped configuration."
)
@click.option("--run", metavar="NAMES", help="Experiments or groups, commas between.  [default: the configuration's]")
def command(files: tuple[Path, ...], run: str | None) -> None:
    """Say what a run would train, the GPU hours that the configuration states for it, and the disk it takes.

    Call it in the project's folder, as Snakemake. A table goes to standard error, the same figures as JSON to standard
    output. What is finished in results/ is taken as it is: whether a changed recipe redoes it, `snakemake --dry-run`
    says. A training that experiments share counts once, for the first. Disk is estimated from finished results of the
    same detector and data set; `unknown` where there are none.
    """
    from anchorprune.pipeline.experiments import plan
    from anchorprune.pipeline.forecast import forecasts, together
    from anchorprune.pipeline.laid_over import SCHEMA, SHIPPED, read_laid_over

    config = read_laid_over([*SHIPPED, *files])
    found = forecasts(plan({**config, "run": run} if run else config, SCHEMA), RESULTS)
    each, free = [one.to_dict() for one in found], shutil.disk_usage(".").free
    total = {**together(found), "free_bytes": free}
    click.echo(_table(each, total), err=True)
    click.echo(f"{_disk(free)} are free here.", err=True)
    print_json({"experiments": each, "all": total})


def _table(each: list[dict[str, Any]], total: dict[str, Any]) -> str:
    from tabulate import tabulate

    rows = [(*_counts(one["experiment"], one), _hours(one["hours"]), one["gpu"]) for one in each]
    rows = [(*row, _hours(one["gpu_hours"]), _disk(one["disk_bytes"])) for row, one in zip(rows, each, strict=True)]
    hours, disk = _hours(total["gpu_hours"]), _disk(total["disk_bytes"])
    more = [f" + {len(total[key])} unknown" * bool(total[key]) for key in ("gpu_hours_unknown", "disk_unknown")]
    rows.append((*_counts("all", total), "", "", hours + more[0], disk + more[1]))
    return tabulate(rows, HEADINGS, disable_numparse=True)


def _counts(name: str, one: dict[str, Any]) -> tuple[str, int, int, int]:
    return name, one["trainings"], one["finished"], one["trainings"] - one["finished"]


def _hours(number: float | None) -> str:
    return "unknown" if number is None else f"{number:g}"


def _disk(size: int | None) -> str:
    if size is None:
        return "unknown"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
