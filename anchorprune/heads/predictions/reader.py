"""Reading a predictions file: its metadata first, then its rows, at once or a part at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.predictions.checks import check_columns, check_rows, metadata_json
from anchorprune.heads.predictions.format import COLUMNS, Candidates, Postprocess


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
            check_columns(path, file.schema_arrow)
            metadata = file.schema_arrow.metadata or {}
            rows = file.metadata.num_rows
        values = {key: metadata_json(path, metadata, key) for key in ("head", "postprocess", "provenance")}
        head = Head.from_dict(values["head"], f"{path}: metadata 'head'")
        return cls(path, head, Postprocess.from_dict(values["postprocess"], str(path)), values["provenance"], rows)

    def load(self) -> Candidates:
        """Read and check every row.

        Raises:
            UserError: no rows, images out of order, an unknown anchor, a score outside 0..1, or a bad box.
        """
        kinds = (np.int64, np.int32, np.int16, np.float32)
        whole = Candidates(*(np.empty(self.num_rows, kind) for kind in kinds), np.empty((self.num_rows, 4), np.float32))
        first = 0
        for part in self.batches():
            for field in fields(Candidates):
                getattr(whole, field.name)[first : first + len(part.score)] = getattr(part, field.name)
            first += len(part.score)
        return whole

    def batches(self, rows: int = 1 << 18) -> Iterator[Candidates]:
        """Read and check the rows a part at a time: memory does not grow with the file.

        Args:
            rows: at most so many in a part; an image may lie in two of them.

        Raises:
            UserError: as `load`.
        """
        if self.num_rows == 0:
            raise UserError(f"{self.path}: holds no candidates; lower the score threshold and predict again")
        with _parquet(self.path) as file:
            first, last = 0, None
            # One thread: pyarrow's pool can abort a process that ends soon after using it.
            for batch in file.iter_batches(rows, columns=list(COLUMNS), use_threads=False):
                columns = {name: _values(self.path, name, batch.column(name)) for name in COLUMNS}
                boxes = np.stack([columns.pop(name) for name in ("x1", "y1", "x2", "y2")], 1)
                check_rows(self.path, columns, boxes, self.head.num_anchors, first, last)
                yield Candidates(**columns, boxes=boxes)
                first, last = first + len(boxes), columns["image_id"][-1]
                del batch, columns, boxes  # what refers to pyarrow's memory


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
    pa.default_memory_pool().release_unused()  # else it keeps a few hundred megabytes of a large file


def _values(path: Path, name: str, column: Any) -> np.ndarray:
    if column.null_count:
        raise UserError(f"{path}: column {name!r} has {column.null_count} empty values; every row needs one")
    return column.to_numpy()
