"""COCO's test-dev submission: one zip with one JSON file, named and formed as the evaluation server wants it.

Format: https://cocodataset.org/#format-results and #upload (a zip of `detections_test-dev2017_[alg]_results.json`).
"""

import re
import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from anchorprune.errors import UserError
from anchorprune.files import whole_file
from anchorprune.heads.detections import SplitDetections

# COCO's 80 categories are numbered 1..90 with these ten left out (instances_val2017.json).
COCO_CATEGORY_IDS = frozenset(range(1, 91)) - {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def results_name(name: str) -> str:
    """The JSON file's name.

    Raises:
        UserError: `name` holds more than letters, digits and dashes (underscores part the name's pieces).
    """
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise UserError(f"--name {name!r}: use letters, digits and dashes")
    return f"detections_test-dev2017_{name}_results.json"


def check_results(results: SplitDetections, image_ids: np.ndarray, category_ids: np.ndarray) -> None:
    """See that the server will take detections.

    Args:
        results: the detections.
        image_ids: the images there are.
        category_ids: the categories there are.

    Raises:
        UserError: names the first detection that it will not take, counted from 1, and why.
    """
    for fault, rows in (
        ("image_id is not one of the images", ~np.isin(results.image_ids, image_ids)),
        ("category_id is not one of the categories", ~np.isin(results.category_ids, category_ids)),
        ("bbox is not x, y, width, height in finite numbers", ~_are_boxes(results.boxes)),
        ("score is not a finite number", ~np.isfinite(results.scores)),
    ):
        if rows.any():
            number = int(rows.argmax())
            record = next(results.chosen(np.array([number])).rows())
            raise UserError(f"results: detection {number + 1}, {record}: {fault}")


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


def write_submission(results: SplitDetections, folder: Path, name: str) -> Path:
    """Write the zip, whole or not at all and the same bytes for the same results; returns its path."""
    inner = results_name(name)
    path = folder / Path(inner).with_suffix(".zip")
    entry = zipfile.ZipInfo(inner, date_time=(1980, 1, 1, 0, 0, 0))  # a fixed time: the same bytes on another day
    entry.compress_type = zipfile.ZIP_DEFLATED
    with whole_file(path) as partial, zipfile.ZipFile(partial, "w") as archive, archive.open(entry, "w") as stream:
        stream.writelines(f"{line}\n".encode() for line in results.json_lines())
    return path


def _are_boxes(boxes: np.ndarray) -> np.ndarray:
    return np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >= 0).all(axis=1)
