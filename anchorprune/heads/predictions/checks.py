"""What makes a predictions file a bad one; each check names the file and the first column, key or row."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.errors import UserError
from anchorprune.heads.predictions.format import COLUMNS


def check_columns(path: Path, schema: Any) -> None:
    """Refuse a file (pyarrow schema) that lacks a column or has one of another type."""
    for name, kind in COLUMNS.items():
        if name not in schema.names:
            raise UserError(f"{path}: column {name!r} is missing; a predictions file has {', '.join(COLUMNS)}")
        found = str(schema.field(name).type)
        if found != kind:
            raise UserError(f"{path}: column {name!r} is {found} but must be {kind}")


def metadata_json(path: Path, metadata: dict[bytes, bytes], key: str) -> Any:
    """A JSON object of the file's metadata.

    Raises:
        UserError: the key is missing, or holds no JSON object.
    """
    if key.encode() not in metadata:
        raise UserError(f"{path}: file metadata has no key {key!r}; a predictions file describes its {key} there")
    try:
        value = json.loads(metadata[key.encode()])
    except ValueError as error:
        raise UserError(f"{path}: metadata {key!r} is not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: metadata {key!r} must be a JSON object")
    return value


def check_rows(
    path: Path, columns: dict[str, np.ndarray], boxes: np.ndarray, num_anchors: int, first: int, before: int | None
) -> None:
    """Refuse bad rows of a part of the file.

    Args:
        path: the file, for messages.
        columns: (n,) `image_id`, `anchor` and `score`, n > 0.
        boxes: (n, 4).
        num_anchors: of the head.
        first: the first row's number in the file.
        before: image_id of the row before it; None: there is none.
    """
    image, anchor, score = columns["image_id"], columns["anchor"], columns["score"]
    higher = np.append(image[0] if before is None else before, image[:-1]) > image
    _refuse(path, first + np.flatnonzero(higher), "comes after a higher image_id; sort by image_id")
    what = f"has an anchor outside the head, whose anchors are 0..{num_anchors - 1}"
    _refuse(path, first + np.flatnonzero((anchor < 0) | (anchor >= num_anchors)), what)
    _refuse(path, first + np.flatnonzero(~((score >= 0) & (score <= 1))), "has a score that is not in 0..1")
    _refuse(path, first + np.flatnonzero(~np.isfinite(boxes).all(1)), "has a box that is not finite")
    wrong = (boxes[:, 2] < boxes[:, 0]) | (boxes[:, 3] < boxes[:, 1])
    _refuse(path, first + np.flatnonzero(wrong), "has x2 < x1 or y2 < y1; boxes are corners x1 y1 x2 y2")


def _refuse(path: Path, rows: np.ndarray, what: str) -> None:
    if len(rows):
        more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
        raise UserError(f"{path}: row {rows[0]} {what}{more}")
