"""COCO annotation files, written clean."""

import json
from collections.abc import Iterator
from pathlib import Path

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.columns import Record
from anchorprune.files import whole_file


def write_coco(annotations: Annotations, path: str | Path) -> None:
    """Write `annotations` as a COCO annotation file: whole or not at all, the same bytes for the same input.

    One record a line. Ids, names, area, iscrowd and PASCAL VOC's `difficult` are kept; there is no segmentation.

    Args:
        annotations: what to write; its `skipped` lines are not part of the file.
        path: the file.
    """
    parts = {
        "images": _image_records(annotations),
        "annotations": _box_records(annotations),
        "categories": _category_records(annotations),
    }
    with whole_file(path) as partial, partial.open("w", encoding="utf-8") as stream:
        stream.write('{"info": {}, "licenses": []')
        for key, records in parts.items():
            stream.write(f',\n"{key}": [')
            for position, record in enumerate(records):
                stream.write(("," if position else "") + "\n" + json.dumps(record, allow_nan=False))
            stream.write("\n]")
        stream.write("}\n")


def _image_records(annotations: Annotations) -> Iterator[Record]:
    for image in annotations.images:
        yield {"id": image.id, "file_name": image.file_name, "width": image.width, "height": image.height}


def _category_records(annotations: Annotations) -> Iterator[Record]:
    for number, name in zip(annotations.category_ids.tolist(), annotations.category_names, strict=True):
        yield {"id": number, "name": name}


def _box_records(annotations: Annotations) -> Iterator[Record]:
    difficult = annotations.difficult
    fields = (
        annotations.ids,
        annotations.image_ids[annotations.image_index],
        annotations.category_ids[annotations.category_index],
        annotations.boxes,
        annotations.area,
        annotations.iscrowd.astype(int),
        *(() if difficult is None else (difficult.astype(int),)),
    )
    names = ("id", "image_id", "category_id", "bbox", "area", "iscrowd", "difficult")[: len(fields)]
    for values in zip(*(field.tolist() for field in fields), strict=True):
        yield dict(zip(names, values, strict=True))
