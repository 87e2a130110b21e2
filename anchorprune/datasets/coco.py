"""COCO annotation files, read with every reference checked."""

import json
from pathlib import Path

import numpy as np

from anchorprune.datasets import columns
from anchorprune.datasets.annotations import Annotations, Image
from anchorprune.datasets.columns import Record
from anchorprune.errors import UserError
from anchorprune.files import inside


def read_coco(path: str | Path) -> Annotations:
    """Read a COCO annotation file.

    Every box is kept as the file has it, with its id, area and iscrowd: also one of no or negative size, outside its
    image, or of a single pixel, since COCO's own evaluation counts them all. A missing `area` becomes w * h, a missing
    `iscrowd` 0; pycocotools cannot evaluate a file that lacks either. The key `ignore` has no effect, as in COCO's own
    evaluation.

    Args:
        path: the annotation file (instances_*.json).

    Returns:
        Images ascending by id, categories ascending by id, boxes in the file's order.

    Raises:
        UserError: the file is missing, damaged or contradicts itself; the message names the record.
    """
    data = _load(path, ("images", "annotations", "categories"))
    images = _images(path, data["images"])
    category_ids, category_names = _categories(path, data["categories"])
    return _assemble(path, data["annotations"], images, category_ids, category_names)


def read_image_info(path: str | Path) -> Annotations:
    """Read a COCO file of images without annotations, such as image_info_test-dev2017.json.

    Returns:
        As `read_coco`, with no boxes.

    Raises:
        UserError: the file is missing, damaged or contradicts itself.
    """
    data = _load(path, ("images", "categories"))
    return _assemble(path, [], _images(path, data["images"]), *_categories(path, data["categories"]))


def _load(path: str | Path, lists: tuple[str, ...]) -> dict[str, list[Record]]:
    """The file, with the lists it must have.

    Outlines are dropped while parsing: they are nine tenths of train2017's memory.
    """
    try:
        data = json.loads(Path(path).read_bytes(), object_hook=_drop_outline)
    except FileNotFoundError:
        raise UserError(f"{path}: no such annotation file; check the path") from None
    except OSError as error:
        raise UserError(f"{path}: cannot read this annotation file ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); the file is damaged or cut off, restore it") from None
    for key in lists:
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise UserError(f"{path}: key {key!r} is missing or no list; a COCO annotation file has it")
    for key in ("images", "categories"):
        if not data[key]:
            raise UserError(f"{path}: {key!r} is empty; nothing can be trained or scored without {key}")
    return data


def _drop_outline(record: Record) -> Record:
    record.pop("segmentation", None)
    return record


def _images(path: str | Path, records: list[Record]) -> tuple[Image, ...]:
    ids = columns.unique_ids(path, "image", records)
    names = columns.values(path, "image", records, "file_name")
    sizes = np.stack([columns.integers(path, "image", records, key) for key in ("width", "height")], axis=1)
    if (sizes <= 0).any():
        row = int(np.argmax((sizes <= 0).any(axis=1)))
        raise UserError(f"{path}: image {ids[row]}: width and height must be above zero, not {sizes[row].tolist()}")
    return tuple(
        Image(int(ids[row]), inside(names[row], f"{path}: image {ids[row]}"), *sizes[row].tolist())
        for row in np.argsort(ids).tolist()
    )


def _categories(path: str | Path, records: list[Record]) -> tuple[np.ndarray, tuple[str, ...]]:
    ids = columns.unique_ids(path, "category", records)
    if ids.min() < 0 or ids.max() > np.iinfo(np.int32).max:
        raise UserError(f"{path}: category ids must lie in 0..{np.iinfo(np.int32).max}; renumber them")
    names = [str(name) for name in columns.values(path, "category", records, "name")]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{path}: two categories are named {twice!r}; give each its own name")
    order = np.argsort(ids)
    return ids[order].astype(np.int32), tuple(names[row] for row in order.tolist())


def _assemble(path, records, images, category_ids, category_names) -> Annotations:
    ids = columns.unique_ids(path, "annotation", records)
    image_ids = np.array([image.id for image in images])
    image_index = columns.references(path, ids, records, "image_id", image_ids, "images")
    category_index = columns.references(path, ids, records, "category_id", category_ids, "categories")
    boxes = columns.boxes(path, ids, records)
    return Annotations(
        images=images,
        category_ids=category_ids,
        category_names=category_names,
        ids=ids,
        image_index=image_index,
        category_index=category_index,
        boxes=boxes,
        area=columns.areas(path, ids, records, boxes),
        iscrowd=_flags(records, "iscrowd"),
        difficult=_flags(records, "difficult") if any("difficult" in record for record in records) else None,
    )


def _flags(records: list[Record], key: str) -> np.ndarray:
    """(M,) bool; false where the key is missing."""
    return np.array([bool(record.get(key, 0)) for record in records], dtype=bool)
