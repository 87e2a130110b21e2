"""The results table as csv (full precision), Markdown and LaTeX (rounded, for people)."""

from pathlib import Path

import pandas as pd

from anchorprune.files import whole_file

HEADINGS = {
    "experiment": "experiment",
    "anchor_set": "anchor set",
    "seed": "seed",
    "method": "search",
    "budget": "budget",
    "anchors": "anchors",
    "ap_search": "AP (search)",
    "ap_sliced": "AP (before retraining)",
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "S",
    "ap_medium": "M",
    "ap_large": "L",
    "macs": "head MACs",
    "saved_macs": "MACs saved",
    "boxes": "boxes",
    "saved_boxes": "boxes saved",
}


def write_tables(table: pd.DataFrame, folder: Path) -> None:
    """Write `results.csv`, `results.md` and `results.tex` into `folder`."""
    with whole_file(folder / "results.csv") as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
    shown = _for_people(table)
    with whole_file(folder / "results.md") as partial:
        note = "AP (search) is on the prune split, every other AP on the test split; MACs are the head's alone.\n"
        partial.write_text(f"{shown.to_markdown(index=False, disable_numparse=True)}\n\n{note}")
    with whole_file(folder / "results.tex") as partial:
        latex = shown.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
        partial.write_text(latex.to_latex(hrules=True))


def _for_people(table: pd.DataFrame) -> pd.DataFrame:
    """The columns people read, as text."""
    shown = table[list(HEADINGS)].copy()
    for name in shown.columns:
        if name.startswith("ap"):
            shown[name] = [f"{value:.3f}" if value >= 0 else "-" for value in shown[name]]
        elif name.startswith("saved"):
            shown[name] = [f"{value:.1%}" for value in shown[name]]
    shown["macs"] = [format_macs(value) for value in table["macs"]]
    shown["budget"] = [f"{budget:g}" for budget in table["budget"]]
    shown["method"] = [method or "unpruned" for method in table["method"]]
    return shown.astype(str).rename(columns=HEADINGS)


def format_macs(macs: float) -> str:
    """Multiply-accumulates with a unit: `4.23 G`, `774.9 M`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if macs >= size:
            return f"{macs / size:.4g} {unit}"
    return str(int(macs))
