"""`anchorprune publish`: everything that it takes to run a finished detector, in one folder."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import FilePath, detector_argument, output_option, print_json
from anchorprune.commands.recorded import recorded


@click.command(
    epilog=example(
        "anchorprune publish {pruned}/slice --layout {search}/layout-0.4.json --head {base}/train/head.json "
        "--evaluation {pruned}/slice/evaluate --full-evaluation {base}/train/evaluate --dataset "
        "{data}/dataset.json --output {tried}/published",
    )
)
@detector_argument
@click.option("--layout", required=True, type=FilePath, help="Its layout, as `search` wrote it.")
@click.option("--head", required=True, type=FilePath, help="head.json of the full detector.")
@click.option("--evaluation", required=True, type=FilePath, help="Folder that `evaluate` wrote of it.")
@click.option("--full-evaluation", required=True, type=FilePath, help="The same of the full detector.")
@click.option("--dataset", required=True, type=FilePath, help="dataset.json; its test split becomes the test data.")
@click.option("--export", type=FilePath, help="Folder that `deploy` wrote of it; its models are taken along.")
@click.option("--latency", type=FilePath, help="JSON that `latency` wrote, with a row of --name beside `full`.")
@click.option("--name", default="pruned detector", show_default=True, help="Title of the model card.")
@click.option("--fact", multiple=True, metavar="KEY=VALUE", help="To be said on the card of how it was made.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads. Default: every core this process may use.")
@output_option
@recorded
def command(detector: tuple[Path, ...], threads: int | None, output: Path, **options: Any) -> None:
    """Write what the detector's framework runs, layout.json, metrics.json and README.md, a model card.

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS. Of mmdet: config.py and weights.pth, which mmdet's own test
    runner and inferencer take as they are; config.py holds test data and evaluator.
    """
    from anchorprune.detectors.publish import Publication, publish
    from anchorprune.provenance import also_read

    also_read([options["dataset"].parent / "test.json"])
    card = publish(detector, Publication(**options), output, threads)
    print_json({"output": str(output), "files": [*card.files, "README.md"], "ap": card.pruned["ap"]})
