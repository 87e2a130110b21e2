"""A first look at a user's data, in seconds: annotations read, image files there, splits that fit together."""

from collections.abc import Mapping
from pathlib import Path

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.datasets.split_checks import check_disjoint
from anchorprune.datasets.splits import Split
from anchorprune.errors import UserError
from anchorprune.files import read_json


def look_over(splits: Mapping[str, tuple[Path, Path]]) -> dict[str, Annotations]:
    """Read each split's annotation file and see that its images are there; they are decoded later, by `dataset`.

    Args:
        splits: name -> annotation file and image folder; with `prune`.

    Raises:
        UserError: a file cannot be read, has no images or no boxes, images are missing, or splits do not fit together.
    """
    read = {name: _read(annotations, images) for name, (annotations, images) in splits.items()}
    for name, found in read.items():
        if found.category_names != read["prune"].category_names or any(
            found.category_ids != read["prune"].category_ids
        ):
            raise UserError(
                f"{splits[name][0]} and {splits['prune'][0]} differ in categories; they must share them all"
            )
    check_disjoint({name: Split(found, splits[name][1]) for name, found in read.items()})
    if "test" not in read and len(read["prune"].images) < 2:
        raise UserError(f"{splits['prune'][0]}: one image cannot be split; give --test-annotations, or more images")
    return read


def listed_names(path: Path) -> list[str]:
    """The names of an annotation file's categories in the file's order, which mmdet's labels follow."""
    return [str(category["name"]) for category in read_json(path, "annotation file")["categories"]]


def _read(annotations: Path, images: Path) -> Annotations:
    found = read_coco(annotations)
    if found.iscrowd.all():
        raise UserError(f"{annotations}: has no boxes to find in its {len(found.images)} images; give it others")
    if not images.is_dir():
        raise UserError(f"{images}: no such image folder; check the path")
    missing = [image.file_name for image in found.images if not (images / image.file_name).is_file()]
    if missing:
        more = f" and {len(missing) - 1} more of {len(found.images)}" if len(missing) > 1 else ""
        raise UserError(f"{images / missing[0]}: image is missing{more}; check the image folder, or put them there")
    return found
