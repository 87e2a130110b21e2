"""The results table: one row per evaluated detector, gathered from the files that a manifest names."""

from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import FIXED, Layout
from anchorprune.report.data.ap_changes import NONE, ApChange, change_of, optimism
from anchorprune.report.data.decisions import read_decision
from anchorprune.report.data.expected import expectation
from anchorprune.report.data.manifest import Entry, is_pruned
from anchorprune.report.data.metrics import AP_FIGURES, VOC_FIGURES, Measured, measured, training_text
from anchorprune.report.data.search_results import corrected, latency_of, read_score, search_ap, searched_change
from anchorprune.report.data.split_sizes import split_images

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
NO_CHANGE = ApChange(0.0, 0.0, 0.0)  # of the unpruned detector against itself


def results_table(manifest: list[Entry]) -> pd.DataFrame:
    """One row per detector of the manifest, with COLUMNS first; a cell whose file the entry does not have is NaN.

    Of a fixed layout, `budget` is its exact fraction of the full head's MACs.

    Further columns:
    - `saved_macs`, `saved_boxes`: fractions of the unpruned head's;
    - `ap_reference`, `ap_change`, `ap_change_low`, `ap_change_high`: AP of the unpruned detector that was trained as
      long, how much `ap` differs from it, and the 95% interval (paired bootstrap over the test images); `verdict`;
    - `sliced_change`, `_low`, `_high`: the same before retraining, of both detectors;
    - `gap`: AP of the search on the prune split minus AP of the sliced detector on the test split; `optimism`, `_low`,
      `_high`: the change that the search saw less that on the test split, before retraining;
    - `ap_search_corrected`, `search_change`, `_low`, `_high`: the search's AP corrected for optimism, cross-fitted, and
      its change against the full layout with an interval that contains the selection, prune split;
    - `trained`, `images_train`, `images_prune`, `images_test`, `same_as` (the dearer budget of the same layout),
      `latency` (ms by the search's table);
    - `label` and `control` of the manifest, `expected_ap`, `within_expected`, `expected_found`, and VOC_FIGURES of a
      PASCAL VOC data set;
    - where any row has them, `compared`: the experiment whose ways to train are compared, and `finish`: what `auto`
      decided on.
    """
    rows = [_row(entry) for entry in manifest]
    table = pd.DataFrame(rows)
    table["same_as"] = _same_as(table)
    for name, values in _only_some(manifest).items():
        if any(values):
            table[name] = values
    table["budget"] = pd.Series([row["budget"] for row in rows], dtype=object)  # as it was written: 1, not 1.0
    return table[COLUMNS + [name for name in table.columns if name not in COLUMNS]]


def _row(entry: Entry) -> dict[str, Any]:
    files = entry["files"]
    full, layout = _layouts(files)
    spent, before = cost(layout), cost(full)
    found = measured(entry)
    final = found.finished
    ap_search = _ap_search(entry, layout)
    change = NO_CHANGE if not entry["method"] else change_of(final, found.reference)
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
        "ap_sliced": found.before.get("ap", NONE),
        **{name: final.get(name, NONE) for name in AP_FIGURES},
        "commit": final.get("provenance", {}).get("commit", ""),
        "saved_macs": 1 - spent.macs / before.macs,
        "saved_boxes": 1 - spent.boxes / before.boxes,
        "ap_reference": final.get("change", {}).get("ap_reference", found.reference.get("ap", NONE)),
        **change.columns("ap_change"),
        "verdict": change.verdict(entry["no_loss"], found.reference.get("ap", NONE)) if entry["method"] else "",
        **_flattery(entry, layout, found),
        **_corrected(entry),
        "gap": _difference(ap_search, found.before.get("ap", NONE)),
        "trained": training_text(final),
        **split_images(files),
        "latency": latency_of(files, layout) if entry["cost"] == "latency" else NONE,
        "label": entry["label"] or "",
        "control": entry["control"],
        **expectation(entry["expected"], final if entry["method"] else found.unpruned),
        **{name: final.get(name, NONE) for name in VOC_FIGURES},
    }


def _difference(ap: float, other: float) -> float:
    """`ap` minus `other`; NaN where one is missing or -1, COCO's word for nothing to measure."""
    return ap - other if ap >= 0 and other >= 0 else NONE


def _flattery(entry: Entry, layout: Layout, found: Measured) -> dict[str, float]:
    """The change before retraining on the test split, and how much better it looked to the search."""
    sliced, saw = ApChange(), ApChange()
    if is_pruned(entry):
        sliced = change_of(found.before, found.unpruned)
        saw = searched_change(entry["files"], layout)
    return {**sliced.columns("sliced_change"), **optimism(saw, sliced).columns("optimism")}


def _corrected(entry: Entry) -> dict[str, float]:
    """What the search's choice is worth on images it has not seen, as the search estimates it."""
    is_searched = is_pruned(entry) and entry["method"] != FIXED
    ap, change = corrected(entry["files"], entry["budget"]) if is_searched else (NONE, ApChange())
    return {"ap_search_corrected": ap, **change.columns("search_change")}


def _only_some(manifest: list[Entry]) -> dict[str, list[str]]:
    """Columns that are there where any row has something to say in them."""
    decided = [entry["files"].get("decision") for entry in manifest]
    return {
        "compared": [entry["compared"] for entry in manifest],
        "finish": ["" if path is None else read_decision(path)["finish"] for path in decided],
    }


def _same_as(table: pd.DataFrame) -> list[str]:
    """For each searched layout the dearest budget that came to the same one, where that is another."""
    names, first = ["experiment", "anchor_set", "seed", "method", "control", "kept"], {}
    rows = enumerate(table.to_dict("records"))  # anchors of k-means are the control's own, whatever their numbers
    searched = [(i, row) for i, row in rows if row["method"] not in ("", FIXED) and row["control"] != "kmeans"]
    result = [""] * len(table)
    for i, row in sorted(searched, key=lambda item: -item[1]["budget"]):
        other = first.setdefault(tuple(row[name] for name in names), row["budget"])
        result[i] = f"{other:g}" if other != row["budget"] else ""
    return result


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
