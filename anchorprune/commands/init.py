"""`anchorprune init`: a project around a detector of one's own."""

import re
from pathlib import Path
from typing import Any

import click
import yaml

from anchorprune.commands.options import backend_option, print_json
from anchorprune.errors import UserError
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout

FilePath = click.Path(path_type=Path)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")  # config/schemas/experiments.schema.yaml, $defs.name


@click.command(
    epilog="Example: anchorprune init mine --config my_config.py --weights my.pth --annotations val.json --images val/"
)
@click.argument("folder", type=FilePath)
@backend_option
@click.option("--config", required=True, help="Of mmdet: a file, or mmdet::FOLDER/NAME.py.")
@click.option("--weights", required=True, type=FilePath, help="That detector's, of mmdet 2 or 3.")
@click.option("--annotations", required=True, type=FilePath, help="COCO annotation file of images to search on.")
@click.option("--images", required=True, type=FilePath, help="Folder that the file names in it are relative to.")
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
    config: str,
    weights: Path,
    name: str | None,
    classes: str | None,
    **options: Any,
) -> None:
    """Look over a detector and its data, and write FOLDER/experiments.yaml, which prunes the detector's anchors.

    Nothing is trained unless that file is changed to ask for it.
    """
    from anchorprune.datasets.offered import look_over
    from anchorprune.detectors.foreign import Foreign
    from anchorprune.detectors.registry import backend
    from anchorprune.files import whole_file
    from anchorprune.pipeline.project import Project, as_yaml

    name = _checked_name(folder, name)
    _refuse_full(folder)
    splits = _splits(**{key: options[key] for key in options if key.endswith(("annotations", "images"))})
    read = look_over(splits)
    annotations, images = splits["prune"]
    names, photo = read["prune"].category_names, images / read["prune"].images[0].file_name
    foreign = Foreign(config, "own", weights, None, options["option"])
    chosen = backend(backend_name)
    found = chosen.look_over(foreign, classes, annotations, names, photo)
    if found.note:
        click.echo(found.note, err=True)
    file = folder / "experiments.yaml"
    place = config if "::" in config else str(Path(config).absolute())
    places = {key: (a.absolute(), i.absolute()) for key, (a, i) in splits.items()}
    given = name, place, weights.absolute(), places, found.overrides, options["budgets"]
    project = Project(*given, backend=backend_name, deploy=chosen.exports)
    with whole_file(file) as partial:
        partial.write_text(as_yaml(project, file), encoding="utf-8")
    counts = {key: len(split.images) for key, split in read.items()}
    full = cost(Layout.full(found.head)).to_dict()
    print_json({"output": str(file), "images": counts, "classes": found.head.num_classes, **full})


def _checked_name(folder: Path, name: str | None) -> str:
    found = name or re.sub(r"[^A-Za-z0-9.]+", "-", folder.absolute().name).strip("-.")
    if not _NAME.fullmatch(found):
        raise UserError(f"--name {found!r} becomes a folder: use letters, digits, dots and dashes, a letter first")
    for file in sorted(Path("config").glob("*.yaml")):  # the written file is laid over these: equal names would mix
        shipped = yaml.safe_load(file.read_text()) or {}
        for section in ("datasets", "detectors", "experiments", "groups"):
            if found in shipped.get(section, {}):
                raise UserError(f"--name {found!r} is taken by {file} ({section}); choose another")
    return found


def _refuse_full(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder}: is there already and not an empty folder; choose another")


def _splits(**given: Path | None) -> dict[str, tuple[Path, Path]]:
    """Split -> annotation file and image folder."""
    splits = {}
    for split, prefix in (("train", "train_"), ("prune", ""), ("test", "test_")):
        annotations, images = given[f"{prefix}annotations"], given[f"{prefix}images"]
        if annotations is not None:
            splits[split] = (annotations, images or given["images"])
        elif images is not None:
            raise click.UsageError(f"--{split}-images goes with --{split}-annotations")
    return splits
