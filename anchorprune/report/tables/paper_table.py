"""An experiment's table in the article's form: a row per configuration, published figures beside ours."""

from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.report.data.ap_changes import mean_of
from anchorprune.report.data.configurations import by_configuration, change_over_seeds, columns
from anchorprune.report.data.manifest import UNPRUNED, is_retrained
from anchorprune.report.data.metrics import AP_FIGURES, VOC_FIGURES
from anchorprune.report.data.published import number
from anchorprune.report.data.search_results import warnings_of
from anchorprune.report.data.section import Section
from anchorprune.report.data.split_sizes import cautions_of_test
from anchorprune.report.tables.results_table import (
    AP_HEADINGS,
    CHANGE_HEADINGS,
    changes,
    format_macs,
    images,
    judged,
    marked,
    marks,
    rounded,
    write_table,
)

MEANS = [
    "ap_search",
    "ap_search_corrected",
    "ap_sliced",
    *AP_FIGURES,
    *VOC_FIGURES,
    "saved_macs",
    "saved_boxes",
    "latency",
]
SAME = ["trained", "images_train", "images_prune", "images_test"]  # for all seeds
# Ours -> the published table's column.
PUBLISHED = {
    "published_ap": "ap_retrained",
    "published_ap_search": "ap_search",
    "published_macs": "head_macs",
    "published_boxes": "boxes",
}
HEADINGS = {
    "anchor_set": "anchor set",
    "configuration": "configuration",
    **AP_HEADINGS,
    "voc_map": "VOC mAP",
    "voc_map_11point": "VOC mAP (11 points)",
    **CHANGE_HEADINGS,
    "optimism": "optimism of the search [95%]",
    "trained": "trained",
    "images": "images (train, prune, test)",
    "macs": "head MACs",
    "boxes": "boxes",
    "saved_macs": "MACs saved",
    "saved_boxes": "boxes saved",
    "latency": "ms (by the table)",
    "published_ap": "published AP (retrained)",
    "published_ap_search": "published AP (search)",
    "published_macs": "published head MACs",
    "published_boxes": "published boxes",
}


def write_paper_table(section: Section, folder: Path, name: str) -> None:
    """Write the table as `name` with the endings csv, md and tex."""
    table = paper_table(section)
    shown = as_text(table, section).rename(columns=headings(section))
    write_table(table, shown, notes(table, section), folder, name)


def paper_table(section: Section) -> pd.DataFrame:
    """One row per anchor set and configuration; figures are means over the seeds.

    Columns: `anchor_set`, `configuration`, `seeds` (how many), `ap_search` .. `latency` as in results.csv, `ap_std`
    (sample standard deviation over the seeds; NaN for one), `ap_change`, its interval (of several seeds: over seeds
    and images, see `over_seeds`) and its standard deviation over the seeds, `verdict`, `optimism` and its interval,
    `published_*` as they were published, empty where they were not, and `within_expected` (`false` where a seed is
    outside).
    """
    return pd.DataFrame([_row(names, rows, section) for names, rows in by_configuration(section).items()])


def _row(names: tuple[str, str], rows: list[int], section: Section) -> dict[str, Any]:
    seeds = section.table.iloc[rows]
    figures = seeds[MEANS].where(seeds[MEANS] >= -0.999)  # COCO's -1 is "nothing to measure", no figure to average
    within = set(seeds["within_expected"])
    theirs = section.published.row(section.entries[rows[0]])
    change, margin = change_over_seeds(section, rows), section.entries[rows[0]]["no_loss"]
    return {
        "anchor_set": names[0],
        "configuration": names[1],
        "seeds": len(rows),
        "macs": round(seeds["macs"].mean()),
        "boxes": round(seeds["boxes"].mean()),
        **figures.mean(skipna=False).to_dict(),
        "ap_std": figures["ap"].std(),
        **change.columns("ap_change"),
        "ap_change_std": seeds["ap_change"].std(),
        "verdict": change.verdict(margin, seeds["ap_reference"].mean()) if names[1] != UNPRUNED else "",
        **mean_of(columns(seeds, "optimism")).columns("optimism"),
        **{name: seeds[name].iloc[0] for name in SAME},
        **{ours: theirs.get(name, "") for ours, name in PUBLISHED.items()},
        "within_expected": next((text for text in ("false", "true") if text in within), ""),
    }


def as_text(table: pd.DataFrame, section: Section) -> pd.DataFrame:
    """The paper table's columns that people read, by their keys in HEADINGS, with text in every cell."""
    shown = rounded(table)
    shown["ap"] += [f" ± {std:.3f}" if std >= 0 else "" for std in table["ap_std"]]
    if judged(section.entries) == "ap":
        shown.loc[table["configuration"] == UNPRUNED, "ap_sliced"] = "-"  # it was not trained again
    shown[judged(section.entries)] += marks(table)
    shown["ap_change"], shown["images"] = changes(table), images(table)
    shown["optimism"] = [str(change) for change in columns(table, "optimism")]
    shown["latency"] = [f"{ms:.2f}" if ms >= 0 else "" for ms in table["latency"]]
    shown["configuration"] += [f" ({n} seeds)" if n > 1 else "" for n in table["seeds"]]
    shown["published_macs"] = [_as_given(cell) for cell in table["published_macs"]]
    measured_or_not = (*VOC_FIGURES, "latency", "optimism", "ap_search_corrected")
    empty = {name for name in PUBLISHED if not any(table[name])}
    empty |= {name for name in measured_or_not if table[name].isna().all()}
    return shown[[name for name in HEADINGS if name not in empty]].astype(str).replace("", "-")


def headings(section: Section) -> dict[str, str]:
    """HEADINGS, as they are for an experiment."""
    return {**HEADINGS, "ap": "AP (retrained)"} if any(map(is_retrained, section.entries)) else HEADINGS


def _as_given(macs: str) -> str:
    """A published number of MACs: an exact one as it is, a rounded one (129e9) with its unit."""
    return macs if not macs or macs.isdigit() else format_macs(number(macs))


CHANGE_NOTE = (
    "Changes of AP are against the unpruned detector that was trained as long (its AP stands in its own row), with the "
    "95% interval of a paired bootstrap over the test images; one that lies above -{margin:g} is no measurable loss. "
    "Optimism: by how much the change looked better on the prune split, before retraining."
)


def _same(section: Section) -> list[str]:
    """A line for the budgets that came to the same layout."""
    rows = section.table[section.table["same_as"] != ""]
    names = [
        f"{r.anchor_set} anchors, seed {r.seed}: {r.method} @{r.budget:g} is @{r.same_as}" for r in rows.itertuples()
    ]
    return [f"Budgets that came to the same layout: {'; '.join(names)}."] if names else []


def _cautions(section: Section) -> list[str]:
    """Why to be careful with these figures: what the searches say, and small test splits."""
    said = [line for path in _files(section, "selection") for line in warnings_of(path)]
    said += [line for path in _files(section, "data") for line in cautions_of_test(path)]
    return [f"Careful: {line}." for line in dict.fromkeys(said)]


def _files(section: Section, key: str) -> list[str]:
    return list(dict.fromkeys(e["files"][key] for e in section.entries if key in e["files"]))


def notes(table: pd.DataFrame, section: Section) -> list[str]:
    """What to read below the paper table: splits, seeds, sources of published figures, results not as expected."""
    entry = section.entries[0]
    lines = [
        f"{entry['detector']} on {entry['dataset']}. AP (search) is on the prune split, every other AP on the test "
        "split; MACs are the head's alone, at the test input size."
    ]
    lines.append(CHANGE_NOTE.format(margin=entry["no_loss"]))
    if (table["seeds"] > 1).any():
        lines.append(
            "Figures are means over the seeds, ± their sample standard deviation; the intervals of AP changes are of a "
            "bootstrap over seeds and images."
        )
    lines += [*_same(section), *_cautions(section)]
    rows = [row for row in map(section.published.row, section.entries) if row]
    if rows:
        sources = "; ".join(dict.fromkeys(row["source"] for row in rows))
        splits = ", ".join(dict.fromkeys(f"{row['dataset']} {row['split']}" for row in rows))
        lines.append(f"Published figures, on {splits}: {section.published.citation} ({sources}).")
    return lines + marked(section)
