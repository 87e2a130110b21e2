"""What each size and class gains or loses by pruning, with intervals; what loses most comes first."""

from pathlib import Path

import pandas as pd

from anchorprune.report.data.ap_changes import SIZE, mean_of, parts_of
from anchorprune.report.data.configurations import by_configuration
from anchorprune.report.data.manifest import is_pruned
from anchorprune.report.data.metrics import measured
from anchorprune.report.data.section import Section
from anchorprune.report.tables.results_table import write_table

COLUMNS = ["anchor_set", "configuration", "seeds", "of", "name", "ap_change", "ap_change_low", "ap_change_high"]
HEADINGS = {"anchor_set": "anchor set", "configuration": "configuration", "of": "of", "name": "name"}
NOTES = [
    "AP with the pruned detector less that with the unpruned one that was trained as long, on the test split, with the "
    "95% interval of a paired bootstrap over the test images.",
    "Of several seeds: the mean change, and the mean ends of the seeds' intervals.",
    "Of many sizes and classes, one in forty has an interval that lies above 0, and one in forty one that lies below, "
    "though nothing changed.",
]


def write_changes(section: Section, folder: Path, name: str) -> None:
    """Write the table as `name` with the endings csv, md and tex."""
    table = changes_table(section)
    shown = table[list(HEADINGS)].rename(columns=HEADINGS)
    shown["AP change [95%]"] = [str(change) for change in table["change"]]
    write_table(table[[*COLUMNS, "verdict"]], shown.assign(**{"that is": table["verdict"]}), NOTES, folder, name)


def changes_table(section: Section) -> pd.DataFrame:
    """COLUMNS, `verdict` and `change` (as an object), a row per pruned configuration and size or class of it."""
    pruned, rows = section.where(is_pruned), []
    for (anchor_set, configuration), indices in by_configuration(pruned).items():
        found = [measured(pruned.entries[i]) for i in indices]
        seeds = [parts_of(its.finished, its.reference) for its in found]
        references = [{**its.reference.get("per_class", {})} for its in found]
        together = []
        for name in dict.fromkeys(name for parts in seeds for name in parts):
            change = mean_of(parts[name] for parts in seeds if name in parts)
            is_size = name.startswith(SIZE)
            reference = max((its.get(name, 1.0) for its in references), default=1.0)
            together.append(
                {
                    "anchor_set": anchor_set,
                    "configuration": configuration,
                    "seeds": len(indices),
                    "of": "size" if is_size else "class",
                    "name": name.removeprefix(SIZE) if is_size else name,
                    **change.columns("ap_change"),
                    "verdict": change.verdict(pruned.entries[indices[0]]["no_loss"], reference),
                    "change": change,
                }
            )
        rows += sorted(together, key=lambda row: (row["of"] != "size", row["ap_change"], row["name"]))
    return pd.DataFrame(rows, columns=[*COLUMNS, "verdict", "change"])
