"""Ways of training side by side: AP of each at each budget, its difference from one of them, and what was trained."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from anchorprune.report.data.ap_changes import ApChange, interval_over_seeds
from anchorprune.report.data.configurations import by_configuration
from anchorprune.report.data.manifest import Entry, configuration, is_compared, is_pruned
from anchorprune.report.data.resampled_aps import ResampledAPs, files_of_resamples
from anchorprune.report.data.section import Section
from anchorprune.report.data.training_effort import (
    OWN,
    SHARED,
    Needed,
    Training,
    effort,
    files_of_trainings,
    together,
    trainings,
)

# A manifest's `retrain` -> the way in words, in the order of tables and figures.
WAYS = {
    "none": "sliced",
    "once-plain": "fine-tuned, then sliced",
    "once": "anchor dropout, then sliced",
    "finetune": "fine-tuned for each budget",
    "scratch": "from scratch for each budget",
    "auto": "auto",
}
AGAINST = ("finetune", "none")  # what the others are held against: the first that is there
GROUP = ("compared", "dataset", "detector", "anchor_set")
COLUMNS = [
    *GROUP,
    *("way", "method", "budget", "configuration", "seeds", "kept", "macs", "macs_share", "boxes"),
    *("ap", "ap_low", "ap_high", "against", "ap_difference", "ap_difference_low", "ap_difference_high"),
    *("trained", "trained_all", "epochs", "iterations", "cpu_minutes"),
    *("epochs_all", "iterations_all", "cpu_minutes_all", "cpu_minutes_shared", "cpu_minutes_each"),
]


def way_in_words(entry: Entry) -> str:
    """The way an entry's experiment trains, in words."""
    return WAYS.get(entry["retrain"], entry["retrain"])


def comparison(section: Section) -> pd.DataFrame:
    """COLUMNS, a row per comparison (GROUP), way and configuration; without controls; figures are means over seeds.

    `kept`: how many anchors. `macs_share`: of the unpruned head's. `ap_low`, `ap_high`: 95% over seeds and test images.
    `ap_difference`: from the way `against` at the same search and budget, over the seeds that both have, with its
    paired interval; NaN for that way itself. `epochs`, `iterations`, `cpu_minutes`: of what the detector's weights have
    been through; `.._all`: of every training for all of the way's pruned detectors of one search, the first one
    included; `cpu_minutes_shared`: of the one more that all budgets share; `cpu_minutes_each`: of one budget's own.
    """
    whole = section.where(lambda entry: is_compared(entry) and not entry["control"])
    rows, aps = [], ResampledAPs()
    for group in dict.fromkeys(map(_group_of, whole.entries)):
        rows += _rows(whole.where(lambda entry, group=group: _group_of(entry) == group), aps)
    return pd.DataFrame(rows, columns=COLUMNS)


def files_of_comparison(entries: Iterable[Entry]) -> list[Path]:
    """What `comparison` reads beside the manifest's own files: those of them that are there."""
    compared = [entry for entry in entries if is_compared(entry) and not entry["control"]]
    files = {file for entry in compared for file in (*files_of_resamples(entry), *files_of_trainings(entry))}
    return sorted(file for file in files if file.is_file())


def _group_of(entry: Entry) -> tuple[str, ...]:
    return tuple(entry[name] for name in GROUP)


@dataclass(frozen=True)
class _Seeds:
    """One configuration of a way: seed -> its AP, and its APs on the resamples."""

    ap: dict[int, float]
    resampled: dict[int, np.ndarray | None]

    def mean(self) -> ApChange:
        """The AP with its interval."""
        return interval_over_seeds(list(self.ap.values()), list(self.resampled.values()))

    def less(self, other: "_Seeds") -> ApChange:
        """The difference from another way: seed by seed, resample by resample."""
        seeds = [seed for seed in self.ap if seed in other.ap]
        pairs = [(self.resampled[seed], other.resampled[seed]) for seed in seeds]
        paired = [None if mine is None or its is None else mine - its for mine, its in pairs]
        return interval_over_seeds([self.ap[seed] - other.ap[seed] for seed in seeds], paired)


def _rows(group: Section, aps: ResampledAPs) -> list[dict[str, Any]]:
    """The rows of one comparison, way by way."""
    present = dict.fromkeys(entry["retrain"] for entry in group.entries)
    ways = [*(way for way in WAYS if way in present), *(way for way in present if way not in WAYS)]
    against = next((way for way in AGAINST if way in present), "")
    held, rows = {}, []
    for way in sorted(ways, key=lambda way: way != against):
        mine = group.where(lambda entry, way=way: entry["retrain"] == way)
        seeds = {name: _seeds(mine, chosen, aps) for (_, name), chosen in by_configuration(mine).items()}
        if way == against:
            held = seeds
        needed = [trainings(entry, kept) for entry, kept in zip(mine.entries, mine.table["kept"], strict=True)]
        for (_, name), chosen in by_configuration(mine).items():
            change = seeds[name].less(held[name]) if way != against and name in held else ApChange()
            facts = _facts(mine, chosen, seeds[name].mean(), change)
            facts["against"] = WAYS[against] if change.ap == change.ap else ""
            rows.append((ways.index(way), {**facts, **_efforts(mine, chosen, needed)}))
    return [row for _, row in sorted(rows, key=lambda item: item[0])]


def _seeds(mine: Section, chosen: list[int], aps: ResampledAPs) -> _Seeds:
    rows = [i for i in chosen if mine.table["ap"][i] >= 0]
    seeds = [mine.entries[i]["seed"] for i in rows]
    resampled = [aps.of(mine.entries[i]) for i in rows]
    return _Seeds(dict(zip(seeds, mine.table["ap"][rows], strict=True)), dict(zip(seeds, resampled, strict=True)))


def _facts(mine: Section, chosen: list[int], ap: ApChange, change: ApChange) -> dict[str, Any]:
    entry, table = mine.entries[chosen[0]], mine.table.iloc[chosen]
    return {
        **{name: entry[name] for name in GROUP},
        "way": way_in_words(entry),
        "method": entry["method"],
        "budget": table["budget"].iloc[0],
        "configuration": configuration(entry),
        "seeds": len(chosen),
        "kept": table["anchors"].mean(),
        "macs": table["macs"].mean(),
        "macs_share": 1 - table["saved_macs"].mean(),
        "boxes": table["boxes"].mean(),
        **ap.columns("ap"),
        **change.columns("ap_difference"),
    }


def _efforts(mine: Section, chosen: list[int], needed: list[Needed]) -> dict[str, Any]:
    """What was trained for a configuration, and for all budgets of its search; means over the seeds."""
    known = together(one.every for one in needed)
    one = effort(_keys(needed[i].history for i in chosen), known, len(chosen))
    method = mine.entries[chosen[0]]["method"]
    same = [i for i, entry in enumerate(mine.entries) if is_pruned(entry) and entry["method"] == method]
    seeds = len({mine.entries[i]["seed"] for i in same})
    keys = list(dict.fromkeys(_keys(needed[i].every for i in same)))
    every = effort(keys, known, seeds)
    shared = effort((key for key in keys if known[key].role == SHARED), known, seeds)
    own = [key for key in keys if known[key].role == OWN]
    return {
        "trained": str(one),
        "trained_all": str(every),
        **{name: getattr(one, field) for name, field in _EFFORTS},
        **{f"{name}_all": getattr(every, field) for name, field in _EFFORTS},
        "cpu_minutes_shared": shared.minutes,
        "cpu_minutes_each": effort(own, known, len(own)).minutes,
    }


_EFFORTS = (("epochs", "epochs"), ("iterations", "iterations"), ("cpu_minutes", "minutes"))


def _keys(chains: Iterable[list[Training]]) -> Iterator[tuple[Any, ...]]:
    return (training.key for chain in chains for training in chain)
