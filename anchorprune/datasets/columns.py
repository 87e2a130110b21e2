"""Columns of a COCO file's records as checked arrays; an error names the file, the record and the key."""

from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.errors import UserError

Record = dict[str, Any]


def values(path: str | Path, what: str, records: list[Record], key: str) -> list[Any]:
    """The records' values of `key`, in order; `what` names a record's kind in the message.

    Raises:
        UserError: a record has no such key.
    """
    try:
        return [record[key] for record in records]
    except (KeyError, TypeError, IndexError):
        row = next(row for row, record in enumerate(records) if not isinstance(record, dict) or key not in record)
        raise UserError(f"{path}: {_name(what, records[row], row)} has no {key!r}; add it") from None


def integers(path: str | Path, what: str, records: list[Record], key: str) -> np.ndarray:
    """The records' values of `key` as (N,) int64.

    Raises:
        UserError: a value is missing, or no integer that fits in 64 bits.
    """
    found = values(path, what, records, key)
    # Exact types, not np.array's guess: [1, 2.5] and [1, "2"] would silently become floats or text.
    bad = next((row for row, value in enumerate(found) if type(value) is not int or abs(value) >= 2**63), None)
    if bad is not None:
        raise UserError(f"{path}: {_name(what, records[bad], bad)}: {key!r} is {found[bad]!r}, not an integer")
    return np.array(found, dtype=np.int64)


def unique_ids(path: str | Path, what: str, records: list[Record]) -> np.ndarray:
    """The records' `id`s as (N,) int64, in order.

    Raises:
        UserError: an id is missing, no integer, or occurs twice.
    """
    ids = integers(path, what, records, "id")
    distinct, counts = np.unique(ids, return_counts=True)
    if len(distinct) < len(ids):
        raise UserError(f"{path}: {what} id {distinct[counts > 1][0]} occurs twice; ids must be unique")
    return ids


def references(
    path: str | Path, ids: np.ndarray, records: list[Record], key: str, targets: np.ndarray, target_name: str
) -> np.ndarray:
    """Positions in `targets` of the annotations' values of `key`.

    Args:
        path: the file, for messages.
        ids: (M,) the annotations' ids, for messages.
        records: M annotations.
        key: `image_id` or `category_id`.
        targets: (N,) ascending ids that exist, N > 0.
        target_name: the list they come from, for messages.

    Returns:
        (M,) int32.

    Raises:
        UserError: a value is not in `targets`.
    """
    wanted = integers(path, "annotation", records, key)
    index = np.minimum(np.searchsorted(targets, wanted), len(targets) - 1)
    missing = np.flatnonzero(targets[index] != wanted)
    if len(missing):
        row = missing[0]
        raise UserError(
            f"{path}: annotation {ids[row]}: {key} {wanted[row]} is not in {target_name!r}; add it there or correct it"
        )
    return index.astype(np.int32)


def boxes(path: str | Path, ids: np.ndarray, records: list[Record]) -> np.ndarray:
    """The annotations' `bbox` as (M, 4) float64, x y w h.

    Raises:
        UserError: a box is missing, not four numbers, or not finite.
    """
    found = values(path, "annotation", records, "bbox")
    try:
        array = np.array(found, dtype=np.float64) if found else np.zeros((0, 4))
    except (TypeError, ValueError, OverflowError):
        array = np.zeros((0, 0))
    if array.shape != (len(found), 4) or not np.isfinite(array).all():
        row = next(row for row, box in enumerate(found) if not _is_box(box))
        raise UserError(f"{path}: annotation {ids[row]}: bbox {found[row]!r} is not four finite numbers x, y, w, h")
    return array


def areas(path: str | Path, ids: np.ndarray, records: list[Record], sizes: np.ndarray) -> np.ndarray:
    """The annotations' `area` as (M,) float64, w * h where it is missing.

    Args:
        path: the file, for messages.
        ids: (M,) the annotations' ids, for messages.
        records: M annotations.
        sizes: (M, 4) float64 boxes, x y w h.

    Raises:
        UserError: an area is not a finite number.
    """
    given = [record.get("area") for record in records]
    filled = [
        box if area is None else area for area, box in zip(given, (sizes[:, 2] * sizes[:, 3]).tolist(), strict=True)
    ]
    bad = next((row for row, area in enumerate(filled) if not _is_number(area)), None)
    if bad is not None:
        raise UserError(f"{path}: annotation {ids[bad]}: area {filled[bad]!r} is not a finite number")
    return np.array(filled, dtype=np.float64)


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300  # false for NaN and infinity too


def _name(what: str, record: Any, row: int) -> str:
    if isinstance(record, dict) and "id" in record:
        return f"{what} {record['id']}"
    return f"{what} number {row + 1} of the file"
