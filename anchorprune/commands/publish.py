"""`anchorprune publish`: everything that it takes to run a finished detector, in one folder."""

import shutil
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import FilePath, detector_argument, output_option, print_json
from anchorprune.errors import UserError
from anchorprune.files import read_json, whole_file, write_json

# What may lie in the folder beside the backend's own files, and what it is; in the card's order.
FILES = {
    "layout.json": "the anchors kept, by their number in the full detector",
    "metrics.json": "COCO's figures on the test split, per class too, and the head's cost",
    "model.onnx": "ONNX, from images to detections",
    "model-raw.onnx": "ONNX, from images to the head's raw outputs",
    "model-int8.onnx": "ONNX of 8-bit integers, from images to detections",
    "metrics-onnx.json": "COCO's figures of the ONNX models",
}
EXPORTED = ("model.onnx", "model-raw.onnx", "model-int8.onnx", "metrics-onnx.json")


@click.command(
    epilog="Example: anchorprune publish slice/ --layout layout-0.4.json "
    "--evaluation slice/evaluate --full-evaluation train/evaluate --dataset data/dataset.json --head train/head.json "
    "--output deploy/"
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
@output_option
def command(detector: tuple[Path, ...], output: Path, **options: Any) -> None:
    """Write what the detector's framework runs, layout.json, metrics.json and README.md, a model card.

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS. Of mmdet: config.py and weights.pth, which mmdet's own test
    runner and inferencer take as they are; config.py holds test data and evaluator.
    """
    from anchorprune.datasets.prepared import read_split
    from anchorprune.detectors.registry import backend_at
    from anchorprune.heads.head import Head
    from anchorprune.heads.layout import Layout
    from anchorprune.report.card import as_markdown

    layout = Layout.load(options["layout"], Head.load(options["head"]))
    backend, dataset = backend_at(detector), options["dataset"]
    test = read_split(dataset, "test")
    card = _card(backend, layout, test.annotations, options)
    backend.publish(detector, dataset.parent / "test.json", test.images, output)
    layout.save(output / "layout.json")
    write_json(output / "metrics.json", card.pruned)
    for file in card.files:
        if file in EXPORTED:
            with whole_file(output / file) as partial:
                shutil.copyfile(options["export"] / file, partial)
    with whole_file(output / "README.md") as partial:
        partial.write_text(as_markdown(card), encoding="utf-8")
    print_json({"output": str(output), "files": [*card.files, "README.md"], "ap": card.pruned["ap"]})


def _card(backend: Any, layout: Any, truth: Any, options: dict[str, Any]) -> Any:
    from anchorprune.report.card import Card
    from anchorprune.scoring.certainty import certainty

    folders = options["evaluation"], options["full_evaluation"]
    found = [read_json(folder / "detections.json", "list of detections") for folder in folders]
    metrics = [read_json(folder / "metrics.json", "evaluation") for folder in folders]
    export = options["export"]
    measured = export / "metrics-onnx.json" if export else None
    files = {
        f: what
        for f, what in (backend.published | FILES).items()
        if f not in EXPORTED or (export and (export / f).is_file())
    }
    return Card(
        name=options["name"],
        layout=layout,
        classes=truth.category_names,
        pruned=metrics[0],
        full=metrics[1],
        certainty=certainty(truth, *found),
        files=files,
        usage=backend.usage,
        made=_made(options["fact"], backend.distributions),
        data=read_json(options["dataset"], "data set"),
        onnx_ap=read_json(measured)["models"]["model"]["ap"] if measured and measured.is_file() else None,
        latency=_latency(options["latency"], options["name"]) if options["latency"] else (),
    )


def _latency(file: Path, name: str) -> list[tuple[str, float, float]]:
    """What was timed, and milliseconds an image of the pruned detector and the full one."""
    rows = {row["name"]: row for row in read_json(file, "latency file")["detectors"]}
    if not {name, "full"} <= set(rows):
        raise UserError(f"{file}: has rows {', '.join(rows)}; measure with `anchorprune latency --pruned {name} ...`")
    return [
        (f"time per image, {runtime}", *(rows[row][runtime]["end_to_end"]["median"] for row in (name, "full")))
        for runtime in ("onnx", "torch")
        if "end_to_end" in rows[name][runtime]
    ]


def _made(facts: tuple[str, ...], packages: tuple[str, ...]) -> dict[str, str]:
    """What the caller says, then the programs' versions and the commit."""
    from importlib.metadata import version

    from anchorprune.provenance import provenance

    said = dict(fact.partition("=")[::2] for fact in facts)
    known = provenance()
    programs = [f"anchorprune {known['anchorprune']}", *(f"{package} {version(package)}" for package in packages)]
    return {**said, "commit": known["commit"] or "unknown (no repository)", "programs": ", ".join(programs)}
