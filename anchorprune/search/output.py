"""A finished search on disk: `front.csv`, `evaluated.parquet`, `selection.json`, `layout-B.json`; its folds' logs."""

import csv
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.files import whole_file, write_json
from anchorprune.heads.cost import COSTS
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.progress_bar import progress_bar
from anchorprune.scoring import INTERVAL, Bootstrap, Scorer
from anchorprune.search.cautions import same_as
from anchorprune.search.correction import Corrected, Corrections
from anchorprune.search.front import Scored
from anchorprune.search.run import Result

VERSION = 1  # of selection.json


def row(scored: Scored, priced: str = "macs") -> dict[str, Any]:
    """A subset as a table's row: kept (space-separated), ap, macs, boxes, anchors.

    Where the search was `priced` by another cost, that is a column too.
    """
    cost = scored.cost
    kept = " ".join(map(str, scored.kept))
    figures = {"kept": kept, "ap": scored.ap, "macs": cost.macs, "boxes": cost.boxes, "anchors": cost.anchors}
    return figures if priced in figures else {**figures, priced: scored.price}


def front_rows(
    result: Result,
    scorer: Scorer,
    resamples: int,
    elsewhere: Scorer | None = None,
    priced: str = "macs",
    corrected: Corrections | None = None,
) -> list[dict[str, Any]]:
    """The front's table: each subset with all its figures and how sure they are.

    Args:
        result: the finished search.
        scorer: the search's scorer.
        resamples: of the bootstrap; 0 leaves `difference` (AP less the full layout's), `low` and `high` out. They do
            not know that the subset was picked.
        elsewhere: scores the same anchors on another split: columns `ap_report` and `gap` (`ap` less `ap_report`).
        priced: the search's cost.
        corrected: adds the columns `ap_corrected`, `change`, `change_low`, `change_high`.
    """
    bootstrap = Bootstrap(scorer, resamples) if resamples else None
    full = bootstrap.aps(result.full.kept) if bootstrap else None
    rows = []
    for index, scored in enumerate(progress_bar(result.front, "intervals", unit=" members", leave=False)):
        figures = {**row(scored, priced), **{k: v for k, v in asdict(scorer.score(scored.kept)).items() if k != "ap"}}
        if bootstrap:
            low, high = np.percentile(bootstrap.aps(scored.kept) - full, INTERVAL).tolist()
            figures |= {"difference": scored.ap - result.full.ap, "low": low, "high": high}
        if elsewhere:
            there = elsewhere.ap(scored.kept)
            figures |= {"ap_report": there, "gap": scored.ap - there}
        if corrected:
            figures |= _corrected_figures(corrected.front[index])
        rows.append(figures)
    return rows


def _corrected_figures(corrected: Corrected | None) -> dict[str, float | None]:
    """None for all where nothing was corrected."""
    figures = (corrected.ap, corrected.change, corrected.low, corrected.high) if corrected else [None] * 4
    return dict(zip(("ap_corrected", "change", "change_low", "change_high"), figures, strict=True))


def budget_rows(result: Result, corrected: Corrections | None) -> dict[str, dict[str, Any]]:
    """Each budget's choice: kept (a list), ap, what it is corrected to, price, share_of_cost, same_as, stability."""
    same = same_as(result.budgets)
    return {
        text: {
            **budget_row(scored, result.full, corrected.budgets[text] if corrected else None),
            "same_as": same[text],
        }
        for text, scored in result.budgets.items()
    }


def budget_row(scored: Scored, full: Scored, corrected: Corrected | None) -> dict[str, Any]:
    """A budget's choice: kept (a list), ap, what it is corrected to, price, share_of_cost, stability."""
    return {
        "kept": list(scored.kept),
        "ap": scored.ap,
        **_corrected_figures(corrected),
        "price": scored.price,
        "share_of_cost": scored.price / full.price,
        "stability": list(corrected.stability) if corrected else None,
    }


def write_selection(folder: Path, said: dict[str, Any]) -> None:
    """Write `selection.json`: how the search was checked, and each budget's row."""
    write_json(folder / "selection.json", {"version": VERSION, **said})


def write_front(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write `front.csv`, the dearest subset first; figures in full precision."""
    with whole_file(folder / "front.csv") as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_evaluated(folder: Path, evaluated: list[Scored], priced: str = "macs") -> None:
    """Write `evaluated.parquet`: every subset scored, in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [row(scored, priced) for scored in evaluated]
    schema = pa.schema([("kept", pa.string()), ("ap", pa.float64())] + [(n, pa.int64()) for n in ("macs", "boxes")])
    schema = schema.append(pa.field("anchors", pa.int32()))
    if priced not in schema.names:
        schema = schema.append(pa.field(priced, pa.int64() if COSTS[priced].whole else pa.float64()))
    with whole_file(folder / "evaluated.parquet") as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), partial, compression="zstd")


def write_layouts(folder: Path, head: Head, layouts: dict[str, Scored]) -> None:
    """Write `layout-B.json` for each budget B, named as the command line gave it."""
    for budget, scored in layouts.items():
        Layout(head, scored.kept).save(folder / f"layout-{budget}.json")
