"""Which tables and figures a manifest leads to. Only names: the pipeline asks before any file is there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anchorprune.report.data.manifest import Entry, completed, is_retrained

TABLE_FORMATS = ("csv", "md", "tex")
FIGURE_FORMATS = ("pdf", "svg", "png")
PAGE = "index.html"


@dataclass(frozen=True)
class Part:
    """A table or a figure of the report.

    Attributes:
        kind: one of KINDS.
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
        return [f"{self.name}.{ending}" for ending in (TABLE_FORMATS if self.kind == "table" else FIGURE_FORMATS)]


def has_shapes(entry: Entry) -> bool:
    """Whether the predicted boxes of an entry's full detector are there to be shown."""
    return {"predictions", "annotations"} <= entry["files"].keys()


def _always(entries: list[Entry]) -> bool:
    return True


def _any(holds: Callable[[Entry], bool]) -> Callable[[list[Entry]], bool]:
    return lambda entries: any(map(holds, entries))


# Kind -> whether an experiment with these entries has such a part; in the report's order.
KINDS: dict[str, Callable[[list[Entry]], bool]] = {
    "table": _always,
    "pareto": _always,
    "boxes": _always,
    "overanchorized": lambda entries: len({entry["anchor_set"] for entry in entries}) > 1,
    "retraining": _any(is_retrained),
    "removal": _any(lambda entry: "front" in entry["files"]),
    "layouts": _any(lambda entry: "layout" in entry["files"]),
    "shapes": _any(has_shapes),
}


def parts(entries: Iterable[Entry]) -> list[Part]:
    """Every part of the report beside the table of all results, experiment by experiment."""
    groups: dict[str, list[Entry]] = {}
    for entry in map(completed, entries):
        groups.setdefault(entry["experiment"], []).append(entry)
    found = []
    for experiment, group in groups.items():
        for kind, is_there in KINDS.items():
            if is_there(group):
                sets = dict.fromkeys(e["anchor_set"] for e in group if has_shapes(e)) if kind == "shapes" else [""]
                found += [Part(kind, experiment, anchor_set) for anchor_set in sets]
    return found


def report_files(entries: Iterable[Entry]) -> list[str]:
    """Names of all files that `anchorprune report` writes for a manifest's entries, in its folder."""
    results = [f"results.{ending}" for ending in TABLE_FORMATS]
    return [PAGE, *results, *(name for part in parts(entries) for name in part.files)]
