"""What is known of a figure before it is drawn: where the pipeline asks for file names, no more than this is loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from anchorprune.report.data.manifest import Entry
from anchorprune.report.figures.axes import CostAxis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from anchorprune.report.data.section import Section

FIGURE_FORMATS = ("pdf", "svg", "png")


@dataclass(frozen=True)
class FigureKind:
    """A kind of figure, and the module that draws it: one beside this with `TITLE`, `CAPTION` and `draw(section)`.

    Attributes:
        name: what its files' names begin with; the module's name too, unless `module` says otherwise.
        is_there: whether these entries (an experiment's, or an anchor set's of it) have such a figure.
        per_anchor_set: whether each anchor set of an experiment has its own.
        module: the module's name.
        axis: a cost axis that has title and caption itself, and that `draw(section, axis)` is given.
    """

    name: str
    is_there: Callable[[list[Entry]], bool]
    per_anchor_set: bool = False
    module: str = ""
    axis: CostAxis | None = None

    @property
    def title(self) -> str:
        """Above the figure on the page."""
        return self.axis.title if self.axis else self._load().TITLE

    @property
    def caption(self) -> str:
        """How to read the figure, one sentence."""
        return self.axis.caption if self.axis else self._load().CAPTION

    def draw(self, shown: "Section | pd.DataFrame") -> "Figure":
        """Draw the figure of a section whose entries have one, or of the table that it is drawn from."""
        return self._load().draw(shown, self.axis) if self.axis else self._load().draw(shown)

    def anchor_sets(self, entries: list[Entry]) -> list[str]:
        """Those of an experiment that have such a figure, `""` where one shows them all; empty where there is none."""
        if not self.per_anchor_set:
            return [""] if self.is_there(entries) else []
        groups: dict[str, list[Entry]] = {}
        for entry in entries:
            groups.setdefault(entry["anchor_set"], []).append(entry)
        return [name for name, group in groups.items() if self.is_there(group)]

    def _load(self) -> ModuleType:
        return import_module(f"anchorprune.report.figures.{self.module or self.name}")


def always(entries: list[Entry]) -> bool:
    """For every experiment."""
    return True


def several_anchor_sets(entries: list[Entry]) -> bool:
    """Where there is more than one anchor set."""
    return len({entry["anchor_set"] for entry in entries}) > 1


def any_entry(*conditions: Callable[[Entry], bool]) -> Callable[[list[Entry]], bool]:
    """Where an entry meets all of the conditions."""
    return lambda entries: any(all(holds(entry) for holds in conditions) for entry in entries)


def by_latency(entry: Entry) -> bool:
    """Whether the entry's search saves milliseconds."""
    return entry["cost"] == "latency"


def has(*files: str) -> Callable[[Entry], bool]:
    """Whether an entry has these files."""
    return lambda entry: set(files) <= entry["files"].keys()
