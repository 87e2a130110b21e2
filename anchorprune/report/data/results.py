"""The results table: one row per evaluated detector, gathered from the files that a manifest names."""

from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import FIXED, Layout
from anchorprune.report.data.expected import expectation
from anchorprune.report.data.manifest import Entry, is_pruned
from anchorprune.report.data.metrics import AP_FIGURES, VOC_FIGURES, metrics_of
from anchorprune.report.data.search_results import read_score, search_ap

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
    *AP_FIGURES,
    "commit",
]
NONE = float("nan")


def results_table(manifest: list[Entry]) -> pd.DataFrame:
    """One row per detector of the manifest, with COLUMNS first; a cell whose file the entry does not have is NaN.

    Of a fixed layout, `budget` is its exact fraction of the full head's MACs.

    Further columns: `saved_macs` and `saved_boxes` (fractions of the unpruned head's), `ap_change` (AP of the
    finished detector minus the unpruned one's, same split), `gap` (AP of the search on the prune split minus AP of
    the sliced detector on the test split, before retraining), `label` and `control` of the manifest, `expected_ap`,
    `within_expected`, and VOC_FIGURES of a PASCAL VOC data set.
    """
    rows = [_row(entry) for entry in manifest]
    table = pd.DataFrame(rows)
    table["budget"] = pd.Series([row["budget"] for row in rows], dtype=object)  # as it was written: 1, not 1.0
    return table[COLUMNS + [name for name in table.columns if name not in COLUMNS]]


def _row(entry: Entry) -> dict[str, Any]:
    files = entry["files"]
    full, layout = _layouts(files)
    spent, before = cost(layout), cost(full)
    unpruned, sliced, final = metrics_of(entry)
    ap_search = _ap_search(entry, layout)
    names = {name: entry[name] for name in COLUMNS[: COLUMNS.index("kept")]}
    if entry["method"] == FIXED:
        names["budget"] = spent.macs / before.macs
    return {
        **names,
        "kept": " ".join(map(str, layout.kept)),
        "anchors": spent.anchors,
        "macs": spent.macs,
        "boxes": spent.boxes,
        "split": "test",
        "ap_search": ap_search,
        "ap_sliced": sliced.get("ap", NONE),
        **{name: final.get(name, NONE) for name in AP_FIGURES},
        "commit": final.get("provenance", {}).get("commit", ""),
        "saved_macs": 1 - spent.macs / before.macs,
        "saved_boxes": 1 - spent.boxes / before.boxes,
        "ap_change": _difference(final.get("ap", NONE), unpruned.get("ap", NONE)),
        "gap": _difference(ap_search, sliced.get("ap", NONE)),
        "label": entry["label"] or "",
        "control": entry["control"],
        **expectation(entry["expected"], final),
        **{name: final.get(name, NONE) for name in VOC_FIGURES},
    }


def _difference(ap: float, other: float) -> float:
    """`ap` minus `other`; NaN where one is missing or -1, COCO's word for nothing to measure."""
    return ap - other if ap >= 0 and other >= 0 else NONE


def _layouts(files: dict[str, str]) -> tuple[Layout, Layout]:
    """The full detector's layout and the entry's own; a k-means control is a head of its own, kept whole."""
    head = Head.load(files["head"])
    if "control_head" in files:
        return Layout.full(head), Layout.full(Head.load(files["control_head"]))
    return Layout.full(head), Layout.load(files["layout"], head) if "layout" in files else Layout.full(head)


def _ap_search(entry: Entry, layout: Layout) -> float:
    """AP on the prune split before retraining: of `anchorprune score`, or of the search that scored the layout."""
    files = entry["files"]
    if "score" in files:
        return read_score(Path(files["score"]))
    searched = not entry["method"] or (is_pruned(entry) and entry["method"] != FIXED)
    return search_ap(Path(files["evaluated"]), layout) if searched and "evaluated" in files else NONE
