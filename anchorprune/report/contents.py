"""Which tables and figures a manifest leads to. Only names: the pipeline asks before any file is there."""

from collections.abc import Iterable
from dataclasses import dataclass

from anchorprune.report.data.manifest import Entry, completed
from anchorprune.report.figures import FIGURES
from anchorprune.report.figures.figure_kind import FIGURE_FORMATS
from anchorprune.report.tables import TABLE_FORMATS

PAGE = "index.html"
MOST_ON_A_PAGE = 20  # experiments: of more, PAGE leads to a page for each, and the whole report is without figures
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


def experiments(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Name of an experiment -> its entries, completed, in the manifest's order."""
    groups: dict[str, list[Entry]] = {}
    for entry in map(completed, entries):
        groups.setdefault(entry["experiment"], []).append(entry)
    return groups


def on_one_page(entries: Iterable[Entry]) -> bool:
    """Whether PAGE shows every experiment itself."""
    return len({entry["experiment"] for entry in entries}) <= MOST_ON_A_PAGE


def experiment_page(experiment: str) -> str:
    """Name of an experiment's own page."""
    return f"experiment-{experiment}.html"


def parts(entries: Iterable[Entry], figures: bool = True) -> list[Part]:
    """Every part of the report beside the table of all results, experiment by experiment; the tables alone if asked."""
    found = []
    for experiment, group in experiments(entries).items():
        found.append(Part("table", experiment))
        if FIGURES["classes"].is_there(group):
            found.append(Part("changes", experiment))
        for kind in FIGURES.values() if figures else ():
            found += [Part(kind.name, experiment, anchor_set) for anchor_set in kind.anchor_sets(group)]
    return found


def overall_files() -> list[str]:
    """Names of the files that are about all experiments together."""
    return [PAGE, *(f"results.{ending}" for ending in TABLE_FORMATS)]


def experiment_files(entries: list[Entry], figures: bool = True) -> list[str]:
    """Names of the files of one experiment, given its entries: its page, its tables, its figures."""
    return [experiment_page(entries[0]["experiment"]), *(n for part in parts(entries, figures) for n in part.files)]


def report_files(entries: Iterable[Entry], figures: bool = True) -> list[str]:
    """Names of all files of a manifest's report; without figures if asked."""
    groups = experiments(entries).values()
    return [*overall_files(), *(name for group in groups for name in experiment_files(group, figures))]
