"""Small made-up results of an experiment with two anchor sets, as the pipeline's folders have them, for the report."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head, Level
from anchorprune.heads.layout import Layout

FIGURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
RESAMPLES = 200
COMMIT = "c0ffee"


def small_head(more: int = 0) -> Head:
    """Two levels with three anchors each, and `more` on the second."""
    first = ((16.0, 16.0), (32.0, 16.0), (16.0, 32.0))
    second = ((64.0, 64.0), (128.0, 64.0), (64.0, 128.0), *((90.0 + i, 90.0) for i in range(more)))
    return Head(
        "small", (256, 256), 2, (Level(16, (16, 16), 0, 1_000_000, first), Level(64, (4, 4), 0, 200_000, second))
    )


def write_results(folder: Path, names: dict[str, str], classes: tuple[str, ...], sets: tuple[str, ...]) -> list[dict]:
    """Write the files below `folder`; returns the manifest's entries, whose paths begin with `folder`.

    Each anchor set has an unpruned detector, budgets 0.7 and 0.4 of a search, and a random control.
    """
    draw, rows = np.random.default_rng(1), []
    for number, anchor_set in enumerate(sets):
        base = folder / f"set-{number}" / "seed-0"
        head = small_head(number)
        (base / "train").mkdir(parents=True)
        head.save(base / "train/head.json")
        files = {"head": base / "train/head.json", "unpruned": base / "train/evaluate/metrics.json"}
        files["reference"] = base / "retrain-finetune/evaluate/metrics.json"
        write_metrics(files["unpruned"], 0.30, classes)
        full = write_metrics(files["reference"], 0.33 + 0.05 * number, classes)
        entry = {**names, "anchor_set": anchor_set, "seed": 0, "retrain": "finetune", "cost": "macs"}
        search = base / "greedy/search"
        search.mkdir(parents=True)
        write_search(search, head)
        files["evaluated"] = search / "evaluated.parquet"
        rows.append({**entry, "method": "", "budget": 1, "files": as_text(files)})
        for budget, kept, control in ((0.7, (0, 1, 3, 4, 5), ""), (0.4, (0, 3, 5), ""), (0.4, (1, 3, 4), "random")):
            place = base / f"greedy{control}/{budget}"
            place.mkdir(parents=True)
            Layout(head, kept).save(place / "layout.json")
            mine = {**files, "layout": place / "layout.json", "front": search / "front.csv"}
            mine["selection"] = search / "selection.json"
            mine["sliced"] = place / "slice/evaluate/metrics.json"
            mine["metrics"] = place / "retrain-finetune/evaluate/metrics.json"
            write_metrics(mine["sliced"], 0.28, classes)
            changes = draw.normal(0.01 * len(kept) - 0.04 - 0.03 * bool(control), 0.004, RESAMPLES)
            write_metrics(mine["metrics"], full + float(changes.mean()), classes, (files["reference"], full, changes))
            if control:
                mine = {key: path for key, path in mine.items() if key not in ("front", "selection", "evaluated")}
            rows.append({**entry, "method": "greedy", "budget": budget, "control": control, "files": as_text(mine)})
    return rows


def as_text(files: dict[str, Path]) -> dict[str, str]:
    return {key: str(path) for key, path in files.items()}


def write_metrics(path: Path, ap: float, classes: tuple[str, ...], change: tuple | None = None) -> float:
    """Write a metrics.json, with its change against (reference, its AP, change on each resample) if given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    value = {
        **dict.fromkeys(FIGURES, ap),
        "ap_large": -1.0,
        "per_class": {name: ap - 0.1 + 0.05 * i for i, name in enumerate(classes)},
        "evaluator": {"name": "pycocotools", "version": "2.0.11"},
        "parameters": round(1e6 * (1 + ap)),
        "trained": [{"start": "scratch", "epochs": 9, "iterations": None}],
        "provenance": {"commit": COMMIT, "anchorprune": "0.0.9"},
    }
    if change:
        reference, full, resampled = change
        value["change"] = {
            "reference": str(reference.parent),
            "ap_reference": full,
            "resamples": len(resampled),
            "figures": {name: stated(ap - full, resampled) for name in ("ap", "ap_small")},
            "per_class": {name: stated(ap - full - 0.01 * i, resampled - 0.01 * i) for i, name in enumerate(classes)},
            "resampled": resampled.tolist(),
        }
    path.write_text(json.dumps(value))
    return ap


def stated(change: float, resampled: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(resampled, (2.5, 97.5))
    return {"change": change, "low": float(low), "high": float(high)}


def write_search(folder: Path, head: Head) -> None:
    """Every subset that keeps anchor 3, and the front of a few."""
    rows = []
    for bits in range(1, 2**head.num_anchors):
        kept = tuple(i for i in range(head.num_anchors) if bits >> i & 1)
        if 3 in kept:
            spent = cost(Layout(head, kept))
            ap = 0.32 - 0.25 / (1 + len(kept))
            rows.append(
                {
                    "kept": " ".join(map(str, kept)),
                    "ap": ap,
                    "macs": spent.macs,
                    "boxes": spent.boxes,
                    "anchors": len(kept),
                }
            )
    table = pd.DataFrame(rows)
    table.to_parquet(folder / "evaluated.parquet")
    cheapest = table.sort_values(["macs", "ap"]).drop_duplicates("anchors")
    cheapest.to_csv(folder / "front.csv", index=False)
    selection = {
        "version": 1,
        "folds": 0,
        "images": 100,
        "choice": "best",
        "cost": "macs",
        "budgets": {},
        "warnings": [],
    }
    (folder / "selection.json").write_text(json.dumps(selection))
