"""The predictions file: every candidate box of a detector on a split, before NMS.

`predict` writes it as a stream, one image at a time; `score` and `search` read it. Any program may write one
(columns and metadata below), for any detector. Neither direction needs torch.

Columns: `image_id` int64, `category_id` int32 (the data set's own ids), `anchor` int16, `score` float32,
`x1 y1 x2 y2` float32 (corners, pixels of the original image). Rows are grouped by ascending image_id; within an
image the row order breaks ties of the score. Metadata: `head`, `postprocess`, `provenance`, each a JSON object.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.errors import UserError
from anchorprune.files import whole_file
from anchorprune.layout import Head

COLUMNS = {
    "image_id": "int64",
    "category_id": "int32",
    "anchor": "int16",
    "score": "float",
    "x1": "float",
    "y1": "float",
    "x2": "float",
    "y2": "float",
}
ROWS_PER_GROUP = 1 << 20


@dataclass(frozen=True)
class Postprocess:
    """How a detector turns candidates into detections; the words follow mmdet's `test_cfg`.

    Attributes:
        score_threshold: candidates score strictly more than this (compared in float32, as mmdet does).
        nms_iou: of two boxes that overlap by more than this, the lower-scored goes.
        nms_pre: per level, the best (box, class) pairs that enter NMS, counted after pruning; None: all.
        max_per_image: the best detections of an image that stay after NMS; negative: all.
        min_size: boxes stay whose width and height are strictly greater, pixels of the original image;
            0 takes away boxes without area, negative takes away none.
        class_agnostic: boxes suppress boxes of other classes too.
    """

    score_threshold: float
    nms_iou: float
    nms_pre: int | None = None
    max_per_image: int = 100
    min_size: float = 0
    class_agnostic: bool = False

    @classmethod
    def from_dict(cls, value: Any, source: str = "postprocess") -> "Postprocess":
        """Read the metadata's form; `source` names it in errors.

        Raises:
            UserError: a key is missing, unknown or of the wrong kind.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(value, dict) or sorted(value) != sorted(names):
            raise UserError(f"{source}: 'postprocess' must have exactly the keys {', '.join(names)}")
        try:
            pre = None if value["nms_pre"] is None else int(value["nms_pre"])
            threshold, iou, size = (float(value[key]) for key in ("score_threshold", "nms_iou", "min_size"))
            return cls(threshold, iou, pre, int(value["max_per_image"]), size, bool(value["class_agnostic"]))
        except (TypeError, ValueError) as error:
            raise UserError(f"{source}: 'postprocess' holds a value of the wrong kind ({error})") from None


@dataclass(frozen=True)
class Candidates:
    """A predictions file's rows, in the file's order.

    Attributes:
        image_id: (N,) int64, ascending.
        category_id: (N,) int32, the data set's ids.
        anchor: (N,) int16, index into the head's anchors.
        score: (N,) float32 in 0..1.
        boxes: (N, 4) float32, x1 y1 x2 y2, pixels of the original image.
    """

    image_id: np.ndarray
    category_id: np.ndarray
    anchor: np.ndarray
    score: np.ndarray
    boxes: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """An opened predictions file: its metadata; `load` reads the rows.

    Attributes:
        path: the file.
        head: the detector's head.
        postprocess: what its own post-processing does.
        provenance: where the predictions come from, as the writer described it.
        num_rows: candidates in the file.
    """

    path: Path
    head: Head
    postprocess: Postprocess
    provenance: dict[str, Any]
    num_rows: int

    @classmethod
    def open(cls, path: str | Path) -> "Predictions":
        """Read the metadata and check version and columns; no row is loaded.

        Raises:
            UserError: not a predictions file, or one of an unknown version.
        """
        path = Path(path)
        with _parquet(path) as file:
            _check_columns(path, file.schema_arrow)
            metadata = file.schema_arrow.metadata or {}
            rows = file.metadata.num_rows
        values = {key: _metadata_json(path, metadata, key) for key in ("head", "postprocess", "provenance")}
        head = Head.from_dict(values["head"], f"{path}: metadata 'head'")
        return cls(path, head, Postprocess.from_dict(values["postprocess"], str(path)), values["provenance"], rows)

    def load(self) -> Candidates:
        """Read and check every row.

        Raises:
            UserError: no rows, images out of order, an unknown anchor, a score outside 0..1, or a bad box.
        """
        if self.num_rows == 0:
            raise UserError(f"{self.path}: holds no candidates; lower the score threshold and predict again")
        with _parquet(self.path) as file:
            columns = {name: _column(self.path, file, name) for name in COLUMNS if name not in ("x1", "y1", "x2", "y2")}
            boxes = np.empty((self.num_rows, 4), np.float32)
            for i, name in enumerate(("x1", "y1", "x2", "y2")):
                boxes[:, i] = _column(self.path, file, name)
        _check_rows(self.path, columns, boxes, self.head.num_anchors)
        return Candidates(columns["image_id"], columns["category_id"], columns["anchor"], columns["score"], boxes)

    def batches(self, rows: int = 1 << 18) -> Iterator[Candidates]:
        """Read and check the rows a part at a time: memory does not grow with the file.

        Args:
            rows: at most so many in a part; an image may lie in two of them.

        Raises:
            UserError: as `load`, but not for images out of order between two parts.
        """
        with _parquet(self.path) as file:
            first = 0
            for batch in file.iter_batches(rows, columns=list(COLUMNS), use_threads=False):
                columns = {name: _values(self.path, name, batch.column(name)) for name in COLUMNS}
                boxes = np.stack([columns.pop(name) for name in ("x1", "y1", "x2", "y2")], 1)
                _check_rows(self.path, columns, boxes, self.head.num_anchors, first)
                yield Candidates(
                    columns["image_id"], columns["category_id"], columns["anchor"], columns["score"], boxes
                )
                first += len(boxes)


class PredictionsWriter:
    """Writes a predictions file image by image, whole or not at all.

    Memory does not grow with the number of images. Use it as a context manager:

        with PredictionsWriter("predictions.parquet", head, postprocess, {"weights": "..."}) as writer:
            writer.add(image_id, category_id, anchor, score, boxes)
    """

    def __init__(self, path: str | Path, head: Head, postprocess: Postprocess, provenance: dict[str, Any]):
        import pyarrow as pa

        metadata = {"head": head.to_dict(), "postprocess": asdict(postprocess), "provenance": provenance}
        encoded = {key: json.dumps(value, allow_nan=False) for key, value in metadata.items()}
        kinds = {"int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(), "float": pa.float32()}
        self._schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()], metadata=encoded)
        self._path = Path(path)
        self._pending: list[tuple[np.ndarray, ...]] = []
        self._rows = 0
        self._last_image: int | None = None

    def __enter__(self) -> "PredictionsWriter":
        import pyarrow.parquet as pq

        self._whole = whole_file(self._path)
        self._file = pq.ParquetWriter(self._whole.__enter__(), self._schema, compression="zstd")
        return self

    def add(self, image_id: int, category_id: Any, anchor: Any, score: Any, boxes: Any) -> None:
        """Append one image's candidates; images come by ascending id, the order of rows is kept.

        Args:
            image_id: the data set's id of the image.
            category_id: (n,) the data set's category ids.
            anchor: (n,) anchor indices.
            score: (n,) scores in 0..1.
            boxes: (n, 4) x1 y1 x2 y2, pixels of the original image.

        Raises:
            ValueError: the image does not come after the one before, or the lengths differ.
        """
        if self._last_image is not None and image_id <= self._last_image:
            raise ValueError(f"image {image_id} comes after image {self._last_image}; add images by ascending id")
        self._last_image = image_id
        score = np.asarray(score, np.float32)
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        category, anchor = np.asarray(category_id, np.int32), np.asarray(anchor, np.int16)
        if not len(score) == len(boxes) == len(category) == len(anchor):
            raise ValueError(f"image {image_id}: the arrays differ in length")
        self._pending.append((np.full(len(score), image_id, np.int64), category, anchor, score, *boxes.T))
        self._rows += len(score)
        if self._rows >= ROWS_PER_GROUP:
            self._flush()

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if kind is None:
            self._flush()
        self._file.close()
        self._whole.__exit__(kind, value, trace)

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            columns = [np.concatenate(parts) for parts in zip(*self._pending, strict=True)]
            self._file.write_table(pa.Table.from_arrays([pa.array(c) for c in columns], schema=self._schema))
        self._pending, self._rows = [], 0


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such predictions file; check the path") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a parquet file ({error}); write it again with `anchorprune predict`") from None
    with file:
        try:
            yield file
        except (pa.ArrowInvalid, OSError) as error:
            raise UserError(f"{path}: the file is damaged ({error}); write it again") from None


def _check_columns(path: Path, schema: Any) -> None:
    for name, kind in COLUMNS.items():
        if name not in schema.names:
            raise UserError(f"{path}: column {name!r} is missing; a predictions file has {', '.join(COLUMNS)}")
        found = str(schema.field(name).type)
        if found != kind:
            raise UserError(f"{path}: column {name!r} is {found} but must be {kind}")


def _metadata_json(path: Path, metadata: dict[bytes, bytes], key: str) -> Any:
    if key.encode() not in metadata:
        raise UserError(f"{path}: file metadata has no key {key!r}; a predictions file describes its {key} there")
    try:
        value = json.loads(metadata[key.encode()])
    except ValueError as error:
        raise UserError(f"{path}: metadata {key!r} is not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: metadata {key!r} must be a JSON object")
    return value


def _column(path: Path, file: Any, name: str) -> np.ndarray:
    # One thread: pyarrow's pool can abort a process that ends soon after using it, and a column gains nothing from it.
    return _values(path, name, file.read(columns=[name], use_threads=False).column(0))


def _values(path: Path, name: str, column: Any) -> np.ndarray:
    if column.null_count:
        raise UserError(f"{path}: column {name!r} has {column.null_count} empty values; every row needs one")
    return column.to_numpy()


def _check_rows(
    path: Path, columns: dict[str, np.ndarray], boxes: np.ndarray, num_anchors: int, first: int = 0
) -> None:
    """Refuse bad rows; `first` is the number of the first of these rows in the file."""
    image, anchor, score = columns["image_id"], columns["anchor"], columns["score"]
    _refuse(path, first + 1 + np.flatnonzero(image[1:] < image[:-1]), "comes after a higher image_id; sort by image_id")
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
