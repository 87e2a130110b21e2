"""The results table as csv (full precision), Markdown and LaTeX (rounded, for people)."""

from pathlib import Path

import pandas as pd

from anchorprune.files import whole_file
from anchorprune.report.data.configurations import columns
from anchorprune.report.data.expected import MARK, remark
from anchorprune.report.data.manifest import UNPRUNED, Entry, configuration, is_retrained
from anchorprune.report.data.section import Section

AP_HEADINGS = {
    "ap_search": "AP (search)",
    "ap_search_corrected": "AP (search, corrected)",
    "ap_sliced": "AP (before retraining)",
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "S",
    "ap_medium": "M",
    "ap_large": "L",
}
CHANGE_HEADINGS = {"ap_change": "AP change [95%]", "verdict": "that is"}
HEADINGS = {
    "experiment": "experiment",
    "anchor_set": "anchor set",
    "seed": "seed",
    "method": "configuration",
    "budget": "budget",
    "anchors": "anchors",
    **AP_HEADINGS,
    "ap_reference": "AP (unpruned, trained as long)",
    **CHANGE_HEADINGS,
    "trained": "trained",
    "images": "images (train, prune, test)",
    "macs": "head MACs",
    "saved_macs": "MACs saved",
    "boxes": "boxes",
    "saved_boxes": "boxes saved",
}
NOTE = (
    "AP (search) is on the prune split, every other AP on the test split; MACs are the head's alone. Changes of AP are "
    "against the unpruned detector that was trained as long, with the 95% interval of a paired bootstrap over the test "
    "images."
)
LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
SIGNS = str.maketrans({"±": r"$\pm$", MARK: r"$^\dagger$"})


def write_results(section: Section, folder: Path) -> None:
    """Write `results.csv`, `results.md` and `results.tex` into `folder`."""
    write_table(section.table, for_people(section), [NOTE, *marked(section)], folder, "results")


def write_table(table: pd.DataFrame, shown: pd.DataFrame, notes: list[str], folder: Path, name: str) -> None:
    """Write a table as csv, and as people read it (text in every cell), with notes below, as md and tex."""
    with whole_file(folder / f"{name}.csv") as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
    with whole_file(folder / f"{name}.md") as partial:
        partial.write_text("\n\n".join([shown.to_markdown(index=False, disable_numparse=True), *notes]) + "\n")
    with whole_file(folder / f"{name}.tex") as partial:
        latex = shown.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
        below = "".join(f"\n\\par{{\\footnotesize {_escaped(note)}}}\n" for note in notes)
        partial.write_text((latex.to_latex(hrules=True) + below).translate(SIGNS))


def remarks(section: Section) -> list[str]:
    """One line for each result outside what was expected."""
    lines = []
    for entry, row in zip(section.entries, section.table.to_dict("records"), strict=True):
        if row["within_expected"] == "false":
            who = f"{entry['experiment']}, {configuration(entry)}, {entry['anchor_set']} anchors, seed {entry['seed']}"
            lines.append(f"{who}: {remark(entry['expected'], row)}.")
    return lines


def marked(section: Section) -> list[str]:
    """The remarks as notes below a table, each with the mark that its AP has there."""
    return [f"{MARK} {line}" for line in remarks(section)]


def for_people(section: Section) -> pd.DataFrame:
    """The columns people read, as text."""
    table = section.table
    whole = table.assign(images=images(table))
    shown = rounded(whole[list(HEADINGS)])
    shown["ap_change"] = changes(table)
    shown[judged(section.entries)] += marks(table)
    shown["macs"] = [format_macs(value) for value in table["macs"]]
    shown["budget"] = [f"{budget:.3g}" for budget in table["budget"]]
    shown["method"] = [configuration(entry) for entry in section.entries]
    return shown.astype(str).rename(columns=HEADINGS)


def changes(table: pd.DataFrame) -> list[str]:
    """Each row's AP change with its interval, for people; `-` for the unpruned detectors."""
    pruned = table["configuration"] != UNPRUNED if "configuration" in table else table["method"] != ""
    found = zip(pruned, columns(table, "ap_change"), strict=True)
    return [str(change) if is_there else "-" for is_there, change in found]


def images(table: pd.DataFrame) -> list[str]:
    """How many images the splits have, for people."""
    splits = (table[f"images_{name}"] for name in ("train", "prune", "test"))
    return [", ".join("-" if pd.isna(n) else f"{n:.0f}" for n in row) for row in zip(*splits, strict=True)]


def judged(entries: list[Entry]) -> str:
    """The column of the AP that expectations are of: that of the unpruned detector as it was trained."""
    unpruned = [entry for entry in entries if not entry["method"]]
    return "ap_sliced" if any(map(is_retrained, unpruned)) else "ap"


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """AP with three decimals and savings in percent, as text; `-` where there is no figure (COCO says -1)."""
    shown = table.astype(object)
    for name in shown.columns:
        if name.startswith(("ap", "voc")) and name != "ap_change":
            shown[name] = [f"{value:.3f}" if value >= 0 else "-" for value in table[name]]
        elif name.startswith("saved"):
            shown[name] = [f"{value:.1%}" for value in table[name]]
    return shown


def marks(table: pd.DataFrame) -> list[str]:
    """The mark of each row whose AP is not as expected, else nothing."""
    return [MARK if within == "false" else "" for within in table["within_expected"]]


def format_macs(macs: float) -> str:
    """Multiply-accumulates with a unit: `4.23 G`, `774.9 M`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if macs >= size:
            return f"{macs / size:.4g} {unit}"
    return str(int(macs))


def _escaped(text: str) -> str:
    return text.translate(str.maketrans(LATEX))
