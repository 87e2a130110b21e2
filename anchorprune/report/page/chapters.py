"""An experiment as a page shows it: whole, or only in the summary, which then leads to its own page."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from anchorprune.report.contents import Part, experiment_page, parts
from anchorprune.report.data.decisions import decisions
from anchorprune.report.data.manifest import Entry
from anchorprune.report.data.section import Section
from anchorprune.report.figures import FIGURES, OF_WAYS
from anchorprune.report.figures.axes import AXES, LATENCY
from anchorprune.report.page.lean_image import MOST_SVG, image_uri
from anchorprune.report.page.methods import Methods, methods
from anchorprune.report.page.page_table import PageTable, page_table, plain_table
from anchorprune.report.page.summary import Finding, Outcome, findings, outcome
from anchorprune.report.page.tradeoff import Tradeoff, tradeoff
from anchorprune.report.page.training_curves import CurvesPanel, training_curves
from anchorprune.report.tables.decisions_table import HEADINGS, decisions_as_text
from anchorprune.report.tables.paper_table import notes, paper_table

PLOTTED = tuple(axis.figure for axis in (*AXES, LATENCY))  # the page draws these itself
CSS_PIXELS = 96 / 72  # of a point (CSS Values and Units 3, section 6.2)
WIDE = 640  # CSS pixels: figures from this width on stand alone in their row,
TALL = 1000  # and so do those from this height on, which scroll in a box


@dataclass(frozen=True)
class Shown:
    """A figure on the page: its part, title and caption, its image as a data URI, its size in CSS pixels."""

    part: Part
    title: str
    caption: str
    image: str
    width: int
    height: int

    @property
    def form(self) -> str:
        """`tall` where it is scrolled in its box, `wide` where it needs the page's width, else nothing."""
        return "tall" if self.height >= TALL else "wide" if self.width >= WIDE else ""


@dataclass(frozen=True)
class Body:
    """What a page shows of an experiment below its name."""

    table: PageTable
    table_part: Part
    changes_part: Part | None
    decisions: PageTable | None
    decisions_part: Part | None
    notes: list[str]
    figures: list[Shown]
    tradeoff: Tradeoff | None
    tradeoff_parts: list[Part]
    curves: list[CurvesPanel]
    methods: Methods


@dataclass(frozen=True)
class Chapter:
    """An experiment of a page; without a body it is on a page of its own."""

    name: str
    section: Section
    findings: list[Finding]
    outcomes: dict[str, Outcome]
    body: Body | None

    @property
    def id(self) -> str:
        """Of its element: no space, quote or bracket."""
        return "experiment-" + quote(self.name, safe="")

    @property
    def page(self) -> str:
        """A link to its own page."""
        return f"./{quote(experiment_page(self.name), safe='')}"

    @property
    def place(self) -> str:
        """A link to where it is shown."""
        return f"#{self.id}" if self.body else self.page

    @property
    def state(self) -> str:
        """`outside` if any finding is, `inside` if some are and none outside, else `open`."""
        states = {finding.state for finding in self.findings}
        return next((state for state in ("outside", "inside") if state in states), "open")


def chapter(name: str, section: Section, body: Body | None = None) -> Chapter:
    """The chapter of an experiment, given its detectors."""
    outcomes = {of: outcome(its) for of, its in _anchor_sets(section).items()}
    return Chapter(name, section, findings(section), outcomes, body)


def body(section: Section, folder: Path, figures: bool, small: bool = False, sharing: int = 1) -> Body:
    """What a page shows of an experiment.

    Args:
        section: its detectors.
        folder: where its figures lie.
        figures: whether it is shown with them.
        small: whether they are shown in their smallest form.
        sharing: how many experiments are on the page.
    """
    group, table = parts(section.entries, figures), paper_table(section)
    first = outcome(next(iter(_anchor_sets(section).values()))).configuration
    return Body(
        table=page_table(table, section),
        table_part=_of_kind(group, "table"),
        notes=notes(table, section),
        changes_part=_of_kind(group, "changes"),
        decisions=_decisions(section) if _of_kind(group, "decisions") else None,
        decisions_part=_of_kind(group, "decisions"),
        figures=[
            shown_figure(part, folder, small) for part in group if part.kind in FIGURES and part.kind not in PLOTTED
        ],
        tradeoff=tradeoff(section, first, sharing),
        methods=methods(section),
        curves=training_curves(section),
        tradeoff_parts=[part for part in group if part.kind in PLOTTED],
    )


def _anchor_sets(section: Section) -> dict[str, Section]:
    return {of: section.where(lambda entry, of=of: entry["anchor_set"] == of) for of in section.anchor_sets}


def _of_kind(group: list[Part], kind: str) -> Part | None:
    return next((part for part in group if part.kind == kind), None)


def _decisions(section: Section) -> PageTable:
    table = decisions(section)
    return plain_table(table, decisions_as_text(table), HEADINGS, ("anchor_set", "configuration"))


def many_figures(entries: list[Entry], folder: Path) -> bool:
    """Whether the figures of these entries' experiments are too many bytes for a page that shows them as SVG."""
    files = [
        folder / f"{part.name}.svg" for part in parts(entries) if part.kind in FIGURES and part.kind not in PLOTTED
    ]
    return sum(file.stat().st_size for file in files if file.is_file()) > MOST_SVG


def shown_figure(part: Part, folder: Path, small: bool) -> Shown:
    """A figure that lies in `folder`, as the page shows it; in its smallest form if asked."""
    file = folder / f"{part.name}.svg"
    width, height = map(float, re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', file.read_bytes()).groups())
    drawn = FIGURES.get(part.kind, OF_WAYS)
    title = drawn.title + (f", {part.anchor_set} anchors" if part.anchor_set else "")
    return Shown(
        part, title, drawn.caption, image_uri(file, small), round(CSS_PIXELS * width), round(CSS_PIXELS * height)
    )
