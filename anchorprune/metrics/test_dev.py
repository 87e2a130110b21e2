"""COCO's test-dev submission: one zip with one JSON file, named and formed as the evaluation server wants it.

Format: https://cocodataset.org/#format-results and #upload (a zip of `detections_test-dev2017_[alg]_results.json`).
"""

import json
import math
import re
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import whole_file

# COCO's 80 categories are numbered 1..90 with these ten left out (instances_val2017.json).
COCO_CATEGORY_IDS = frozenset(range(1, 91)) - {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
_KEYS = ("image_id", "category_id", "bbox", "score")


def results_name(name: str) -> str:
    """The JSON file's name.

    Raises:
        UserError: `name` holds more than letters, digits and dashes (underscores part the name's pieces).
    """
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise UserError(f"--name {name!r}: use letters, digits and dashes")
    return f"detections_test-dev2017_{name}_results.json"


def check_results(results: list[Any], image_ids: Collection[int], category_ids: Collection[int]) -> None:
    """See that detections are of the server's form.

    Args:
        results: records of `image_id`, `category_id`, `bbox` (x y w h, pixels of the original image) and `score`.
        image_ids: the images there are.
        category_ids: the categories there are.

    Raises:
        UserError: names the first record that is not, counted from 1, and why.
    """
    if not isinstance(results, list):
        raise UserError("results: must be a list of detections")
    images, categories = set(image_ids), set(category_ids)
    for number, record in enumerate(results, start=1):
        fault = _fault(record, images, categories)
        if fault:
            raise UserError(f"results: detection {number}: {fault}")


def check_categories(category_ids: Collection[int], source: str | Path) -> None:
    """See that the categories are COCO's 80, by their own numbers.

    Raises:
        UserError: they are not.
    """
    found = {int(number) for number in category_ids}
    if found != COCO_CATEGORY_IDS:
        odd = sorted(found ^ COCO_CATEGORY_IDS)[:5]
        raise UserError(
            f"{source}: its category ids are not COCO's 80 of 1..90 (they differ in {', '.join(map(str, odd))}); "
            "use COCO's own image-info file"
        )


def write_submission(results: list[dict[str, Any]], folder: Path, name: str) -> Path:
    """Write the zip, whole or not at all and the same bytes for the same results; returns its path."""
    inner = results_name(name)
    path = folder / Path(inner).with_suffix(".zip")
    entry = zipfile.ZipInfo(inner, date_time=(1980, 1, 1, 0, 0, 0))  # a fixed time: the same bytes on another day
    entry.compress_type = zipfile.ZIP_DEFLATED
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        archive.writestr(entry, json.dumps(results, allow_nan=False))
    return path


def _fault(record: Any, images: set[int], categories: set[int]) -> str | None:
    """What is wrong with a record."""
    if not isinstance(record, dict) or set(record) != set(_KEYS):
        return f"must have the keys {', '.join(_KEYS)} and no others"
    if type(record["image_id"]) is not int or record["image_id"] not in images:
        return f"image_id {record['image_id']!r} is not one of the images"
    if type(record["category_id"]) is not int or record["category_id"] not in categories:
        return f"category_id {record['category_id']!r} is not one of the categories"
    box = record["bbox"]
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)) or min(box[2:]) < 0:
        return f"bbox {box!r} is not x, y, width, height in finite numbers"
    if not _is_number(record["score"]):
        return f"score {record['score']!r} is not a finite number"
    return None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
