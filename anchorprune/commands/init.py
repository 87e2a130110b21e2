"""`anchorprune init`: a project around a detector of one's own."""

import shlex
from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import FilePath, backend_option, print_json
from anchorprune.datasets.splits import SPLITS
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout


@click.command(
    epilog=example(
        "anchorprune init {tried}/mine --config {base}/train/config.py --weights {base}/train/weights.pth "
        "--annotations {data}/test.json --images {data}/images/test",
    )
)
@click.argument("folder", type=FilePath)
@backend_option
@click.option("--config", help="Of mmdet: a file, or mmdet::FOLDER/NAME.py.")
@click.option(
    "--torchvision",
    metavar="NAME",
    help="In the place of --config, a detector of torchvision: ssd300_vgg16 or another of docs/torchvision.md.",
)
@click.option(
    "--onnx",
    type=FilePath,
    metavar="FILE.onnx",
    help="In the place of --weights, an export of YOLOv5's or v7's form, whose --config may be a JSON file with what "
    "the graph does not tell, or the model-raw.onnx of `anchorprune deploy`.",
)
@click.option(
    "--anchors",
    type=FilePath,
    help="With --torchvision, the anchor set that it was trained with, as `train --anchors` takes it.  [default: the "
    "network's own anchors]",
)
@click.option("--weights", type=FilePath, help="That detector's, of mmdet 2 or 3, or a state dict.")
@click.option(
    *("--annotations", "prune_annotations"),
    required=True,
    type=FilePath,
    help="COCO annotation file of images to search on.",
)
@click.option(
    *("--images", "prune_images"),
    required=True,
    type=FilePath,
    help="Folder that the file names in it are relative to.",
)
@click.option("--test-annotations", type=FilePath, help="The same to report on.  [default: half of --annotations]")
@click.option("--test-images", type=FilePath, help="[default: --images]")
@click.option("--train-annotations", type=FilePath, help="The same to retrain on; needed for that alone.")
@click.option("--train-images", type=FilePath, help="[default: --images]")
@click.option("--name", help="Of the project, in the results' paths.  [default: FOLDER's]")
@click.option("--classes", help="Names of the head's labels, in their order, with commas between.  [default: CONFIG's]")
@click.option("--option", multiple=True, metavar="KEY=VALUE", help="Override CONFIG, e.g. model.test_cfg.score_thr=.01")
@click.option(
    "--budget",
    "budgets",
    type=click.FloatRange(0, 1, min_open=True),
    multiple=True,
    default=(0.8, 0.6, 0.4),
    show_default=True,
    help="Share of the head's MACs that a pruned detector may have; one for each.",
)
def command(
    folder: Path,
    backend_name: str,
    config: str | None,
    torchvision: str | None,
    onnx: Path | None,
    anchors: Path | None,
    weights: Path | None,
    name: str | None,
    classes: str | None,
    **options: Any,
) -> None:
    """Look over a detector and its data, and write FOLDER/experiments.yaml, which prunes the detector's anchors.

    Nothing is trained unless that file is changed to ask for it.

    Of an ONNX file: anchorprune init mine --onnx my.onnx --annotations val.json --images val/
    """
    from anchorprune.anchors.anchor_sets import read_anchor_set
    from anchorprune.datasets.offered import look_over
    from anchorprune.detectors.foreign import Foreign
    from anchorprune.detectors.registry import DEFAULT, backend, trains
    from anchorprune.pipeline.new_project import check_free, given_splits, project_name, write_project
    from anchorprune.pipeline.project import Project

    if onnx is not None:
        if torchvision is not None or weights is not None:
            raise click.UsageError("--onnx goes without --torchvision and --weights")
        backend_name, config, weights = "onnx", config or "onnx::graph", onnx
    elif weights is None:
        raise click.UsageError("Missing option '--weights'.")
    elif (config is None) == (torchvision is None):
        raise click.UsageError("give --config, or for a detector of torchvision --torchvision, or --onnx; one of them")
    if anchors is not None and torchvision is None:
        raise click.UsageError("--anchors goes with --torchvision; other detectors say their anchors themselves")
    if torchvision is not None:
        backend_name, config = "torchvision", f"torchvision::{torchvision}"
    name = project_name(folder, name)
    check_free(folder)
    splits = given_splits({split: (options[f"{split}_annotations"], options[f"{split}_images"]) for split in SPLITS})
    read = look_over(splits)
    annotations, images = splits["prune"]
    names, photo = read["prune"].category_names, images / read["prune"].images[0].file_name
    foreign = Foreign(config, "own", weights, anchors, options["option"])
    chosen = backend(backend_name)
    found = chosen.look_over(foreign, classes, annotations, names, photo)
    if found.note:
        click.echo(found.note, err=True)
    given = name, config, weights, splits, found.overrides, options["budgets"]
    named = None if backend_name == DEFAULT else backend_name
    spelt_out = None if anchors is None else read_anchor_set(anchors)
    can = {"deploy": chosen.exports, "trains": trains(chosen)}
    file = write_project(folder, Project(*given, anchors=spelt_out, backend=named, **can))
    counts = {key: len(split.images) for key, split in read.items()}
    full = cost(Layout.full(found.head)).to_dict()
    click.echo(f"next: snakemake --cores all --configfile {shlex.quote(str(file))}", err=True)
    print_json({"output": str(file), "images": counts, "classes": found.head.num_classes, **full})
