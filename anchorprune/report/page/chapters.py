"""An experiment as a page shows it: whole, or only in the summary, which then leads to its own page."""

import base64
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from anchorprune.report.contents import Part, experiment_page, parts
from anchorprune.report.data.decisions import decisions
from anchorprune.report.data.section import Section
from anchorprune.report.figures import FIGURES, OF_WAYS
from anchorprune.report.figures.axes import AXES, LATENCY
from anchorprune.report.page.page_table import PageTable, page_table, plain_table
from anchorprune.report.page.summary import Finding, Outcome, findings, outcome
from anchorprune.report.page.tradeoff import Tradeoff, tradeoff
from anchorprune.report.tables.decisions_table import HEADINGS, decisions_as_text
from anchorprune.report.tables.paper_table import notes, paper_table

LARGEST_SVG = 1_000_000  # bytes; a larger one (many thousand points) is shown as PNG, so that the page opens at once
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


def body(section: Section, folder: Path, figures: bool) -> Body:
    """What a page shows of an experiment, with the figures that lie in `folder`, or without figures."""
    group, table = parts(section.entries, figures), paper_table(section)
    first = outcome(next(iter(_anchor_sets(section).values()))).configuration
    return Body(
        table=page_table(table, section),
        table_part=_of_kind(group, "table"),
        notes=notes(table, section),
        changes_part=_of_kind(group, "changes"),
        decisions=_decisions(section) if _of_kind(group, "decisions") else None,
        decisions_part=_of_kind(group, "decisions"),
        figures=[shown_figure(part, folder) for part in group if part.kind in FIGURES and part.kind not in PLOTTED],
        tradeoff=tradeoff(section, first),
        tradeoff_parts=[part for part in group if part.kind in PLOTTED],
    )


def _anchor_sets(section: Section) -> dict[str, Section]:
    return {of: section.where(lambda entry, of=of: entry["anchor_set"] == of) for of in section.anchor_sets}


def _of_kind(group: list[Part], kind: str) -> Part | None:
    return next((part for part in group if part.kind == kind), None)


def _decisions(section: Section) -> PageTable:
    table = decisions(section)
    return plain_table(table, decisions_as_text(table), HEADINGS, ("anchor_set", "configuration"))


def shown_figure(part: Part, folder: Path) -> Shown:
    """A figure that lies in `folder`, as the page shows it."""
    svg = (folder / f"{part.name}.svg").read_bytes()
    width, height = map(float, re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    kind, data = "svg+xml", svg
    if len(svg) > LARGEST_SVG:
        kind, data = "png", (folder / f"{part.name}.png").read_bytes()
    drawn = FIGURES.get(part.kind, OF_WAYS)
    title = drawn.title + (f", {part.anchor_set} anchors" if part.anchor_set else "")
    image = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return Shown(part, title, drawn.caption, image, round(CSS_PIXELS * width), round(CSS_PIXELS * height))
