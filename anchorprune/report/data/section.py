"""What one table or figure is about: the entries of an experiment, beside their rows of the results table."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from anchorprune.heads.layout import FIXED
from anchorprune.report.data.manifest import Entry, is_pruned
from anchorprune.report.data.published import Published


@dataclass(frozen=True)
class Section:
    """Some detectors of the report.

    Attributes:
        entries: of the manifest, completed.
        table: (N,) their rows of the results table, in the entries' order; index 0..N-1.
        published: published figures.
    """

    entries: list[Entry]
    table: pd.DataFrame
    published: Published

    def where(self, holds: Callable[[Entry], bool]) -> "Section":
        """The detectors whose entry meets a condition."""
        return self._rows([i for i, entry in enumerate(self.entries) if holds(entry)])

    def of(self, experiment: str, anchor_set: str = "") -> "Section":
        """The detectors of an experiment, or of one of its anchor sets."""
        sets = (anchor_set,) if anchor_set else self.anchor_sets
        return self.where(lambda e: e["experiment"] == experiment and e["anchor_set"] in sets)

    def experiments(self) -> dict[str, "Section"]:
        """Name of an experiment -> its detectors, in the manifest's order."""
        rows: dict[str, list[int]] = {}
        for i, entry in enumerate(self.entries):
            rows.setdefault(entry["experiment"], []).append(i)
        return {name: self._rows(chosen) for name, chosen in rows.items()}

    def trainings(self) -> dict[tuple[str, int], "Section"]:
        """(anchor set, seed) -> the detectors that one training leads to."""
        keys = dict.fromkeys((entry["anchor_set"], entry["seed"]) for entry in self.entries)
        return {key: self.where(lambda e, key=key: (e["anchor_set"], e["seed"]) == key) for key in keys}

    @property
    def anchor_sets(self) -> tuple[str, ...]:
        """Names of the anchor sets, in the manifest's order."""
        return tuple(dict.fromkeys(entry["anchor_set"] for entry in self.entries))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the trainings, in the manifest's order."""
        return tuple(dict.fromkeys(entry["seed"] for entry in self.entries))

    @property
    def searches(self) -> tuple[str, ...]:
        """Names of the searches whose results are there, in the manifest's order."""
        found = (e["method"] for e in self.entries if is_pruned(e) and "evaluated" in e["files"])
        return tuple(dict.fromkeys(name for name in found if name != FIXED))

    def file(self, key: str, method: str | None = None) -> str | None:
        """The first such file of the entries, or of what a method found; None where no entry has one."""
        entries = (e for e in self.entries if method is None or (e["method"] == method and is_pruned(e)))
        return next((e["files"][key] for e in entries if key in e["files"]), None)

    def _rows(self, chosen: list[int]) -> "Section":
        table = self.table.iloc[chosen].reset_index(drop=True)
        return Section([self.entries[i] for i in chosen], table, self.published)
