"""What the seeds of a configuration come to together."""

import pandas as pd

from anchorprune.report.data.ap_changes import ApChange, mean_of, over_seeds
from anchorprune.report.data.manifest import configuration
from anchorprune.report.data.metrics import measured
from anchorprune.report.data.section import Section


def by_configuration(section: Section) -> dict[tuple[str, str], list[int]]:
    """(anchor set, configuration) -> its rows of the section, one a seed, in the manifest's order."""
    groups: dict[tuple[str, str], list[int]] = {}
    for i, entry in enumerate(section.entries):
        groups.setdefault((entry["anchor_set"], configuration(entry)), []).append(i)
    return groups


def change_over_seeds(section: Section, rows: list[int]) -> ApChange:
    """The AP change of a configuration: of its one seed, or over seeds and images; see `ap_changes.over_seeds`."""
    seeds = columns(section.table.iloc[rows], "ap_change")
    if len(rows) == 1 or not section.entries[rows[0]]["method"]:
        return seeds[0]
    together = over_seeds([measured(section.entries[i]).finished for i in rows])
    return together if together.low == together.low else ApChange(mean_of(seeds).ap)


def columns(table: pd.DataFrame, name: str) -> list[ApChange]:
    """The changes that a table's columns `name`, `name_low` and `name_high` hold."""
    return [ApChange(*row) for row in table[[name, f"{name}_low", f"{name}_high"]].itertuples(index=False)]
