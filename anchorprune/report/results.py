"""The results table: one row per evaluated detector, gathered from the files that a manifest names."""

from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.cost import cost
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.layout import Head, Layout

# results.csv: the columns other programs rely on, in order; more follow.
COLUMNS = [
    "experiment",
    "detector",
    "dataset",
    "anchor_set",
    "seed",
    "method",
    "budget",
    "kept",
    "anchors",
    "macs",
    "boxes",
    "split",
    "ap_search",
    "ap_sliced",
    "ap",
    "ap50",
    "ap75",
    "ap_small",
    "ap_medium",
    "ap_large",
    "commit",
]
AP_FIGURES = COLUMNS[COLUMNS.index("ap") : COLUMNS.index("commit")]


def read_manifest(path: Path) -> list[dict[str, Any]]:
    """The manifest's entries: names, and under `files` what to read.

    Raises:
        UserError: the file is missing or is no manifest.
    """
    rows = read_json(path, "manifest")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "files" in row for row in rows):
        raise UserError(f"{path}: not a report manifest (a list of entries with 'files')")
    return rows


def results_table(manifest: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per detector of the manifest, with COLUMNS first.

    Further columns: `saved_macs` and `saved_boxes` (fractions of the unpruned head's), `ap_change` (AP of the
    finished detector minus the unpruned one's, same split), `gap` (AP of the search on the prune split minus AP of
    the sliced detector on the test split, before retraining).
    """
    table = pd.DataFrame([_row(entry) for entry in manifest])
    table["budget"] = pd.Series([entry["budget"] for entry in manifest], dtype=object)  # as it was written: 1, not 1.0
    return table[COLUMNS + [name for name in table.columns if name not in COLUMNS]]


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    files = entry["files"]
    head = Head.load(files["head"])
    full = Layout.full(head)
    layout = Layout.load(files["layout"], head) if "layout" in files else full
    unpruned = read_json(files["unpruned"], "metrics file")
    sliced = read_json(files["sliced"], "metrics file") if "sliced" in files else unpruned
    final = read_json(files.get("metrics", files["unpruned"]), "metrics file")
    ap_search = search_ap(Path(files["evaluated"]), layout)
    spent, before = cost(layout), cost(full)
    return {
        **{name: entry[name] for name in COLUMNS[: COLUMNS.index("kept")]},
        "kept": " ".join(map(str, layout.kept)),
        "anchors": spent.anchors,
        "macs": spent.macs,
        "boxes": spent.boxes,
        "split": "test",
        "ap_search": ap_search,
        "ap_sliced": sliced["ap"],
        **{name: final[name] for name in AP_FIGURES},
        "commit": final["provenance"]["commit"],
        "saved_macs": 1 - spent.macs / before.macs,
        "saved_boxes": 1 - spent.boxes / before.boxes,
        "ap_change": final["ap"] - unpruned["ap"],
        "gap": ap_search - sliced["ap"],
    }


def read_evaluated(path: Path) -> pd.DataFrame:
    """Every subset a search scored, in order."""
    try:
        return pd.read_parquet(path, use_threads=False)  # pyarrow's threads can abort a process that ends soon after
    except FileNotFoundError:
        raise UserError(f"{path}: no such search result; search again") from None


def search_ap(path: Path, layout: Layout) -> float:
    """The AP on the prune split that a search found for a layout.

    Raises:
        UserError: the search never scored it.
    """
    evaluated = read_evaluated(path)
    kept = " ".join(map(str, layout.kept))
    found = evaluated.loc[evaluated["kept"] == kept, "ap"]
    if found.empty:
        raise UserError(f"{path}: the search did not score the layout {kept}; search again")
    return float(found.iloc[0])
