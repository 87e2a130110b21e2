"""The trade-off plot of an experiment as the page shows it, and what its script answers questions from."""

from dataclasses import dataclass
from typing import Any

from anchorprune.report.data.detector_facts import DetectorFacts, detector_facts
from anchorprune.report.data.manifest import configuration
from anchorprune.report.data.plotted_costs import PLOTTED_COSTS
from anchorprune.report.data.section import Section
from anchorprune.report.page.anchor_strip import Strip, strips
from anchorprune.report.page.example_images import Examples, example_images
from anchorprune.report.page.plot import Plot, plots
from anchorprune.report.page.script_facts import facts_for_script
from anchorprune.report.tables.results_table import format_macs

KINDS = {
    "unpruned": "unpruned, trained as long",
    "pruned": "pruned by a search",
    "fixed": "fixed layout",
    "kmeans": "control: k-means anchors",
    "random": "control: random anchors",
}
AXES = {name: cost.short for name, cost in PLOTTED_COSTS.items()}


@dataclass(frozen=True)
class Tradeoff:
    """The plot.

    Attributes:
        plots: one for each cost.
        names: of the detectors.
        texts: of each detector, what it is in one line.
        kinds: of each detector.
        colors: of each detector.
        series: colour -> what has it.
        marks: kinds that are there -> what they are.
        strips: the anchors, one for each anchor set.
        start: numbers of two detectors to begin with.
        facts: for the script, as JSON can hold it.
        examples: images that both detectors of a pair see differently; None where no file tells of any.
    """

    plots: list[Plot]
    names: list[str]
    texts: list[str]
    kinds: list[str]
    colors: list[int]
    series: dict[int, str]
    marks: dict[str, str]
    strips: list[Strip]
    facts: dict[str, Any]
    examples: Examples | None

    @property
    def has_before(self) -> bool:
        return any(point.before is not None for plot in self.plots for point in plot.points)

    @property
    def has_published(self) -> bool:
        return any(plot.published for plot in self.plots)

    @property
    def has_search(self) -> bool:
        return any(plot.fronts for plot in self.plots)

    @property
    def has_theirs(self) -> bool:
        return any(plot.published_front for plot in self.plots)


def tradeoff(section: Section, start: str, sharing: int = 1) -> Tradeoff | None:
    """The plot of an experiment; None where nothing was measured.

    Args:
        section: the experiment.
        start: name of the configuration to show first, beside its unpruned detector.
        sharing: how many experiments are on the page.
    """
    found = detector_facts(section)
    if not any(one.ap >= 0 for one in found):
        return None
    several = (len(section.anchor_sets) > 1, len(section.seeds) > 1)
    names = [_name(one, *several) for one in found]
    colors = _colors(section)
    mine = [colors[one.entry["anchor_set"], _search(one, section)] for one in found]
    shown, examples = strips(section, found), example_images(found, sharing)
    facts = facts_for_script(section, found, names, shown, start)
    return Tradeoff(
        plots(section, found, [_short(one) for one in found], colors),
        names,
        [_text(one, name) for one, name in zip(found, names, strict=True)],
        [one.kind for one in found],
        mine,
        {color: _series(key, several[0]) for key, color in colors.items()},
        {kind: text for kind, text in KINDS.items() if any(one.kind == kind for one in found)},
        shown,
        {**facts, "examples": examples.facts if examples else None},
        examples,
    )


def _colors(section: Section) -> dict[tuple[str, str], int]:
    """(anchor set, search) -> number of a colour. An unpruned detector has that of its anchor set's first search."""
    keys = [(entry["anchor_set"], entry["method"]) for entry in section.entries if entry["method"]]
    bare = [(name, "") for name in section.anchor_sets if name not in {of for of, _ in keys}]
    return {key: number for number, key in enumerate(dict.fromkeys([*keys, *bare]))}


def _search(one: DetectorFacts, section: Section) -> str:
    mine = [e["method"] for e in section.entries if e["anchor_set"] == one.entry["anchor_set"] and e["method"]]
    return one.entry["method"] or (mine[0] if mine else "")


def _series(key: tuple[str, str], several: bool) -> str:
    return ", ".join(text for text in (key[1], f"{key[0]} anchors" if several or not key[1] else "") if text)


def _name(one: DetectorFacts, sets: bool, seeds: bool) -> str:
    """A detector's name, whole within its experiment."""
    entry = one.entry
    more = [f"{entry['anchor_set']} anchors"] * sets + [f"seed {entry['seed']}"] * seeds
    return ", ".join([configuration(entry), *more])


def _short(one: DetectorFacts) -> str:
    """Beside its point."""
    entry = one.entry
    return f"@{entry['budget']:g}" if one.kind == "pruned" else entry["label"] or configuration(entry)


def _text(one: DetectorFacts, name: str) -> str:
    costs = "; ".join(_cost(cost, price) for cost, price in one.costs.items())
    ap = f"AP {one.ap:.3f}" if one.ap >= 0 else "AP not measured"
    change = f", change {one.change}" if one.change.ap == one.change.ap else ""
    return f"{name}: {ap}{change}; {len(one.kept)} anchors; {costs}"


def _cost(cost: str, price: float) -> str:
    if cost == "macs":
        return f"{format_macs(price)} head MACs"
    kind = PLOTTED_COSTS[cost]
    return f"{price:,.0f} {kind.short}" if kind.whole else f"{price:.2f} {kind.unit}"
