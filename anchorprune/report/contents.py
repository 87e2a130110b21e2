"""Which tables and figures a manifest leads to. Only names: the pipeline asks before any file is there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from anchorprune.report.data.manifest import FEWEST_TO_RANK, Entry, completed, is_compared, is_pruned
from anchorprune.report.figures import FIGURES, OF_WAYS
from anchorprune.report.figures.figure_kind import FIGURE_FORMATS, any_entry, has
from anchorprune.report.tables import TABLE_FORMATS

PAGE = "index.html"
TEXT = "summary.txt"  # of all experiments, for terminals
MOST_ON_A_PAGE = 20  # experiments: of more, PAGE leads to a page for each, and the whole report is without figures
# Of an experiment: its detectors, what `auto` decided, what each size and class gains or loses; of several: ways of
# training beside each other, how well searches rank layouts.
TABLES = ("table", "decisions", "changes", "ways", "ranking")


@dataclass(frozen=True)
class Part:
    """A table or a figure of the report.

    Attributes:
        kind: one of TABLES or of FIGURES, or OF_WAYS.
        experiment: what it shows, for OF_WAYS a comparison's name; "" for all experiments.
        anchor_set: the one it shows, where each has its own figure; else "".
    """

    kind: str
    experiment: str
    anchor_set: str = ""

    @property
    def name(self) -> str:
        """File name without its ending. Names of experiments have no underscore, so that no two parts are one file."""
        of = f"-{self.experiment}" if self.experiment else ""
        return self.kind + of + (f"_{self.anchor_set}" if self.anchor_set else "")

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
        if any_entry(is_pruned, has("decision"))(group):
            found.append(Part("decisions", experiment))
        if FIGURES["classes"].is_there(group):
            found.append(Part("changes", experiment))
        for kind in FIGURES.values() if figures else ():
            found += [Part(kind.name, experiment, anchor_set) for anchor_set in kind.anchor_sets(group)]
    return found


def overall_parts(entries: Iterable[Entry]) -> list[Part]:
    """Every part that is about several experiments, beside the table of all results."""
    groups = experiments(entries).values()
    compared = {}
    for entry in (entry for group in groups for entry in group if is_compared(entry)):
        compared.setdefault(entry["compared"], []).append(entry)
    figures = [Part(OF_WAYS.name, name, of) for name, group in compared.items() for of in OF_WAYS.anchor_sets(group)]
    ways = [Part("ways", ""), *figures] if compared else []
    return ways + [Part("ranking", "")] * any(map(_can_be_ranked, groups))


def _can_be_ranked(group: list[Entry]) -> bool:
    """Whether any training of an experiment leads to enough pruned detectors."""
    trainings = Counter((entry["anchor_set"], entry["seed"]) for entry in group if is_pruned(entry))
    return max(trainings.values(), default=0) >= FEWEST_TO_RANK


def overall_files(entries: Iterable[Entry]) -> list[str]:
    """Names of the files that are about several experiments, or all of them together."""
    tables = [f"results.{ending}" for ending in TABLE_FORMATS]
    return [PAGE, TEXT, *tables, *(name for part in overall_parts(entries) for name in part.files)]


def experiment_files(entries: list[Entry], figures: bool = True) -> list[str]:
    """Names of the files of one experiment, given its entries: its page, its tables, its figures."""
    return [experiment_page(entries[0]["experiment"]), *(n for part in parts(entries, figures) for n in part.files)]


def report_files(entries: Iterable[Entry], figures: bool = True) -> list[str]:
    """Names of all files of a manifest's report; without figures if asked."""
    groups = experiments(entries := list(entries)).values()
    return [*overall_files(entries), *(name for group in groups for name in experiment_files(group, figures))]
