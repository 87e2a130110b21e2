"""Which tables and figures a manifest leads to. Only names: the pipeline asks before any file is there."""

from collections.abc import Iterable
from dataclasses import dataclass

from anchorprune.report.data.manifest import Entry, completed
from anchorprune.report.figures import FIGURES
from anchorprune.report.figures.figure_kind import FIGURE_FORMATS
from anchorprune.report.tables import TABLE_FORMATS

PAGE = "index.html"
TABLES = ("table", "changes")  # of an experiment: its detectors, and what each size and class gains or loses


@dataclass(frozen=True)
class Part:
    """A table or a figure of the report.

    Attributes:
        kind: one of TABLES or of FIGURES.
        experiment: what it shows.
        anchor_set: the one it shows, where each has its own figure; else "".
    """

    kind: str
    experiment: str
    anchor_set: str = ""

    @property
    def name(self) -> str:
        """File name without its ending. Names of experiments have no underscore, so that no two parts are one file."""
        return f"{self.kind}-{self.experiment}" + (f"_{self.anchor_set}" if self.anchor_set else "")

    @property
    def files(self) -> list[str]:
        """The part's file in each of its formats."""
        return [f"{self.name}.{ending}" for ending in (TABLE_FORMATS if self.kind in TABLES else FIGURE_FORMATS)]


def parts(entries: Iterable[Entry]) -> list[Part]:
    """Every part of the report beside the table of all results, experiment by experiment."""
    groups: dict[str, list[Entry]] = {}
    for entry in map(completed, entries):
        groups.setdefault(entry["experiment"], []).append(entry)
    found = []
    for experiment, group in groups.items():
        found.append(Part("table", experiment))
        if FIGURES["classes"].is_there(group):
            found.append(Part("changes", experiment))
        for kind in FIGURES.values():
            found += [Part(kind.name, experiment, anchor_set) for anchor_set in kind.anchor_sets(group)]
    return found


def report_files(entries: Iterable[Entry]) -> list[str]:
    """Names of all files that `anchorprune report` writes for a manifest's entries, in its folder."""
    results = [f"results.{ending}" for ending in TABLE_FORMATS]
    return [PAGE, *results, *(name for part in parts(entries) for name in part.files)]
