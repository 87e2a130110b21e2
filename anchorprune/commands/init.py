"""`anchorprune init`: a project around a detector of one's own."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.options import print_json
from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.splits import SPLITS
from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.labels import label_names
from anchorprune.heads.layout import Layout

FilePath = click.Path(path_type=Path)


@click.command(
    epilog="Example: anchorprune init mine --config my_config.py --weights my.pth --annotations val.json --images val/"
)
@click.argument("folder", type=FilePath)
@click.option("--config", required=True, help="mmdet config: a file, or mmdet::FOLDER/NAME.py.")
@click.option("--weights", required=True, type=FilePath, help="Checkpoint of that detector (mmdet 2 or 3).")
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
def command(folder: Path, config: str, weights: Path, name: str | None, classes: str | None, **options: Any) -> None:
    """Look over a detector and its data, and write FOLDER/experiments.yaml, which prunes the detector's anchors.

    Nothing is trained unless that file is changed to ask for it.
    """
    from anchorprune.datasets.offered import look_over
    from anchorprune.pipeline.new_project import check_free, given_splits, project_name, write_project
    from anchorprune.pipeline.project import Project

    name = project_name(folder, name)
    check_free(folder)
    splits = given_splits({split: (options[f"{split}_annotations"], options[f"{split}_images"]) for split in SPLITS})
    read = look_over(splits)
    head, overrides = _look_over_detector(config, weights, options["option"], classes, splits["prune"], read["prune"])
    file = write_project(folder, Project(name, config, weights, splits, overrides, options["budgets"]))
    counts = {key: len(found.images) for key, found in read.items()}
    print_json(
        {"output": str(file), "images": counts, "classes": head.num_classes, **cost(Layout.full(head)).to_dict()}
    )


def _look_over_detector(
    config: str,
    weights: Path,
    options: tuple[str, ...],
    classes: str | None,
    split: tuple[Path, Path],
    truth: Annotations,
) -> tuple[Head, dict[str, Any]]:
    """Check a detector against its checkpoint and the annotations; its head, and what overrides its config."""
    from anchorprune.commands.detector import read_detector, read_options
    from anchorprune.datasets.offered import listed_names
    from anchorprune.detectors.mmdet.config import takeover

    cfg = read_detector(config, "own", None, options)
    overrides = read_options(options)
    stated = takeover.find_classes(cfg, config) if classes is None else takeover.given_classes(cfg, classes)
    names, note = label_names(stated.names, listed_names(split[0]), truth.category_names, stated.of_coco_dataset)
    if note:
        click.echo(note, err=True)
    if not takeover.states(cfg, names):
        overrides["anchorprune.classes"] = names
    return takeover.try_out(cfg, weights, split[1] / truth.images[0].file_name), overrides
