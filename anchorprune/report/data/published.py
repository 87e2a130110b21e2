"""Published figures beside ours: the rows of `results.csv`, and fronts, of a folder such as config/published."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.errors import UserError
from anchorprune.report.data.manifest import Entry

KEY = ("detector", "configuration", "variant")
# A cost's column -> that of the published results; other costs were not published.
COST_COLUMNS = {"macs": "head_macs", "boxes": "boxes"}
# Ours -> the column of a published front.
FRONT_COLUMNS = {"ap": "search_mAP_val2017_unretrained", "macs": "head_MACs", "boxes": "boxes"}


@dataclass(frozen=True)
class Published:
    """A folder of published figures; without a folder, none.

    Attributes:
        folder: where they were read.
        citation: whose figures they are, one line.
        results: KEY -> the row of results.csv, every cell as it is written there.
        fronts: detector -> columns ap, macs, boxes of a search front.
    """

    folder: Path | None = None
    citation: str = ""
    results: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    fronts: dict[str, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Published":
        """Read `results.csv`, every `*_front.csv` and, where it is there, `citation.txt`.

        Raises:
            UserError: a file is missing or lacks a column.
        """
        rows = _read(folder / "results.csv", [*KEY, "ap_retrained", "ap_search", "head_macs", "boxes", "source"], str)
        fronts = {}
        for path in sorted(folder.glob("*_front.csv")):
            table = _read(path, ["detector", *FRONT_COLUMNS.values()])
            for detector, front in table.groupby("detector"):
                fronts[detector] = pd.DataFrame({ours: front[theirs] for ours, theirs in FRONT_COLUMNS.items()})
        cited = folder / "citation.txt"
        citation = " ".join(cited.read_text().split()) if cited.is_file() else ""
        return cls(folder, citation, {tuple(row[k] for k in KEY): row for row in rows.to_dict("records")}, fronts)

    def row(self, entry: Entry) -> dict[str, str]:
        """The published row of an entry; empty where it names none, it was never published or no folder was read.

        Raises:
            UserError: the entry names a detector that has no row at all.
        """
        key = entry["published"]
        if key is None or self.folder is None:
            return {}
        wanted = tuple(str(key.get(name) or "") for name in KEY)
        known = sorted({row[0] for row in self.results})
        if wanted[0] not in known:
            raise UserError(f"{self.folder / 'results.csv'}: no detector {wanted[0]!r}; known: {', '.join(known)}")
        return self.results.get(wanted, {})

    def front(self, entries: list[Entry]) -> pd.DataFrame | None:
        """The published front of the detector that the entries' `published` names, if there is one."""
        detectors = [entry["published"]["detector"] for entry in entries if entry["published"]]
        return next((self.fronts[name] for name in detectors if name in self.fronts), None)


def number(cell: str | None) -> float:
    """A published cell as a number; NaN where nothing was published."""
    return float(cell) if cell else float("nan")


def _read(path: Path, columns: list[str], dtype: Any = None) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=dtype, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file of published figures; check --published") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: not a CSV file of published figures ({error})") from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"{path}: column {missing[0]!r} is missing")
    return table
