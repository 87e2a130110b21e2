"""PASCAL VOC folders (VOCdevkit/VOC2007, or any folder of that shape) as annotations.

VOC's corners are 1-based and inclusive: the top left pixel is (1, 1), and a box from xmin 3 to xmax 5 covers three
pixels. In COCO's terms that is x = xmin - 1 and w = xmax - xmin + 1.

VOC's `difficult` boxes become crowds (`iscrowd`): both protocols neither reward nor punish a detection there. They
differ in one point: COCO matches a detection to a crowd by the share of the *detection* that lies inside, VOC by IoU.
The flag itself is kept too, for VOC's own mAP.

An image set is named NAME (ROOT/ImageSets/Main/NAME.txt), or FOLDER/NAME where ROOT holds several VOC folders
(VOCdevkit: VOC2007/trainval, VOC2012/trainval). A split is one image set or several.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.datasets.voc_xml import Picture, read_picture
from anchorprune.errors import UserError
from anchorprune.files import inside


def read_voc(root: str | Path, sets: str | Sequence[str], categories: Sequence[str] | None = None) -> Annotations:
    """Read one split of a VOC folder, or of several below a common root.

    Image ids are 1, 2, .. in the order of the sets and of the lists, annotation ids 1, 2, .. in the order of the images
    and of the objects in their XML file. Every box is kept, and w is xmax - xmin + 1 in all of them: 1 where xmax is
    xmin, 0 or less where it is smaller; h likewise. What is evaluated sees them as they are.

    Args:
        root: the folder that holds Annotations, ImageSets/Main and JPEGImages, or folders that do.
        sets: the split's image sets.
        categories: class names; ids are 1..K in this order. Default: the split's classes, sorted by name.

    Returns:
        File names are relative to `voc_images(root, sets)`: years keep their folder in it, so names cannot clash.

    Raises:
        UserError: a file is missing, damaged, or names a class that is not in `categories`.
    """
    pictures = _read_sets(Path(root), sets)
    names = tuple(categories) if categories is not None else tuple(sorted(_classes(pictures)))
    if not names:
        raise UserError(f"{root}: the images of {sets!r} have no objects at all; check the annotation files")
    return _assemble(pictures, names)


def voc_categories(root: str | Path, splits: Iterable[str | Sequence[str]]) -> tuple[str, ...]:
    """The class names that occur in any of the splits, sorted by name."""
    return tuple(sorted(set().union(*(_classes(_read_sets(Path(root), sets)) for sets in splits))))


def voc_images(root: str | Path, sets: str | Sequence[str]) -> Path:
    """The folder that a split's file names are relative to: JPEGImages, or the root of several VOC folders."""
    return Path(root) if any(map(_folder_of, listed(sets))) else Path(root) / "JPEGImages"


def voc_list(root: str | Path, name: str) -> Path:
    """The file that lists an image set's images."""
    return voc_folder(root, name) / "ImageSets" / "Main" / f"{PurePosixPath(name).name}.txt"


def voc_folder(root: str | Path, name: str) -> Path:
    """The folder of an image set: that of Annotations, ImageSets and JPEGImages."""
    return Path(root) / _folder_of(name)


def listed(sets: str | Sequence[str]) -> list[str]:
    """One image set or several, as a list."""
    return [sets] if isinstance(sets, str) else list(sets)


def _folder_of(name: str) -> str:
    return "" if "/" not in name else str(PurePosixPath(name).parent)


def _read_sets(root: Path, sets: str | Sequence[str]) -> list[Picture]:
    names = listed(sets)
    if len(set(names)) < len(names):
        raise UserError(
            f"{root}: image set {next(n for n in names if names.count(n) > 1)!r} is given twice; once is due"
        )
    years = any(map(_folder_of, names))
    return [picture for name in names for picture in _read_set(root, inside(name, str(root)), years)]


def _read_set(root: Path, name: str, years: bool) -> list[Picture]:
    """The pictures of one image set; with several years, file names keep the year's folder."""
    folder = voc_folder(root, name)
    pictures = [read_picture(folder / "Annotations" / f"{stem}.xml", stem) for stem in _stems(voc_list(root, name))]
    prefix = PurePosixPath(_folder_of(name), "JPEGImages")
    return [replace(picture, file_name=str(prefix / picture.file_name)) for picture in pictures] if years else pictures


def _stems(path: Path) -> list[str]:
    """The names that an image set lists."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.txt"))) or "none"
        raise UserError(f"{path}: no such image list; the lists of this folder are: {known}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot read this image list ({error})") from None
    stems = [line.split()[0] for line in lines if line.strip()]  # lists of one class add a flag after the name
    if not stems:
        raise UserError(f"{path}: this image list is empty; a split needs images")
    if len(set(stems)) < len(stems):
        raise UserError(f"{path}: lists {next(s for s in stems if stems.count(s) > 1)!r} twice; remove one")
    return [inside(stem, str(path)) for stem in stems]


def _classes(pictures: Iterable[Picture]) -> set[str]:
    return {name for picture in pictures for name in picture.names}


def _assemble(pictures: list[Picture], categories: tuple[str, ...]) -> Annotations:
    position = {name: index for index, name in enumerate(categories)}
    for picture in pictures:
        unknown = sorted(set(picture.names) - set(position))
        if unknown:
            raise UserError(
                f"{picture.source}: class {unknown[0]!r} is not among the categories {', '.join(categories)}; correct "
                "the name, or add it to them"
            )
    index = np.repeat(np.arange(len(pictures), dtype=np.int32), [len(picture.names) for picture in pictures])
    corners = np.array([c for p in pictures for c in p.corners], dtype=np.float64).reshape(-1, 4)
    boxes = np.concatenate([corners[:, :2] - 1, corners[:, 2:] - corners[:, :2] + 1], axis=1)
    difficult = np.array([d for p in pictures for d in p.difficult], dtype=bool)
    return Annotations(
        images=tuple(Image(n, p.file_name, p.width, p.height) for n, p in enumerate(pictures, start=1)),
        category_ids=np.arange(1, len(categories) + 1, dtype=np.int32),
        category_names=categories,
        ids=np.arange(1, len(boxes) + 1, dtype=np.int64),
        image_index=index,
        category_index=np.array([position[n] for p in pictures for n in p.names], dtype=np.int32),
        boxes=boxes,
        area=boxes[:, 2] * boxes[:, 3],
        iscrowd=difficult,
        difficult=difficult,
    )
