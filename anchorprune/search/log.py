"""A search's log, from which budgets are chosen later: `evaluated.parquet`, `folds.parquet` and `selection.json`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json, whole_file
from anchorprune.heads.layout import Subset
from anchorprune.search.front import Scored

FOLDS = "folds.parquet"


@dataclass(frozen=True)
class Log:
    """What a search for any budget left behind.

    Attributes:
        aps: of every subset that it scored, in order.
        folds: the same of its search without each fold.
        about: what selection.json says of it: `choice`, `cost`, `seed` and more.
    """

    aps: dict[Subset, float]
    folds: list[dict[Subset, float]]
    about: dict[str, Any]


def write_folds(folder: Path, logs: Iterable[list[Scored]]) -> None:
    """Write `folds.parquet`: fold (int16), kept (space-separated), ap, in the order in which they were scored."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"fold": fold, "kept": " ".join(map(str, scored.kept)), "ap": scored.ap}
        for fold, evaluated in enumerate(logs)
        for scored in evaluated
    ]
    schema = pa.schema([("fold", pa.int16()), ("kept", pa.string()), ("ap", pa.float64())])
    with whole_file(folder / FOLDS) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), partial, compression="zstd")


def read_log(folder: Path) -> Log:
    """Read the log of a search.

    Raises:
        UserError: a file is missing or damaged, or the search was not for any budget.
    """
    about = read_json(folder / "selection.json", "search")
    if not isinstance(about, dict) or not about.get("any_budget"):
        raise UserError(f"{folder}: this search was not for any budget; search again with --any-budget")
    aps = {_subset(row["kept"]): row["ap"] for row in _rows(folder / "evaluated.parquet", ["kept", "ap"])}
    folds: list[dict[Subset, float]] = [{} for _ in range(about["folds"])]
    for row in _rows(folder / FOLDS, ["fold", "kept", "ap"]):
        folds[row["fold"]][_subset(row["kept"])] = row["ap"]
    return Log(aps, folds, about)


def _rows(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=columns).to_pylist()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; search again with --any-budget") from None
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: damaged or cut off ({error}); remove it and search again") from None


def _subset(kept: str) -> Subset:
    return tuple(map(int, kept.split()))
