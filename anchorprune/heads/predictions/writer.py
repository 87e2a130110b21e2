"""Writing a predictions file as a stream: memory does not grow with the number of images."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.files import whole_file
from anchorprune.heads.head import Head
from anchorprune.heads.predictions.format import COLUMNS, Postprocess

ROWS_PER_GROUP = 1 << 20


class PredictionsWriter:
    """Writes a predictions file image by image, whole or not at all.

    Memory does not grow with the number of images. Use it as a context manager:

        with PredictionsWriter("predictions.parquet", head, postprocess, {"weights": "..."}) as writer:
            writer.add(image_id, category_id, anchor, score, boxes)
    """

    def __init__(self, path: str | Path, head: Head, postprocess: Postprocess, provenance: dict[str, Any]):
        import pyarrow as pa

        metadata = {"head": head.to_dict(), "postprocess": postprocess.to_dict(), "provenance": provenance}
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
