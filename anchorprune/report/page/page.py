"""The report as one HTML page that needs no other file: summary, tables, figures, where the figures came from."""

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from anchorprune import __version__
from anchorprune.files import read_json, whole_file
from anchorprune.report.contents import PAGE, Part, parts
from anchorprune.report.data.manifest import Entry
from anchorprune.report.data.section import Section
from anchorprune.report.figures import FIGURES
from anchorprune.report.page.page_table import PageTable, page_table
from anchorprune.report.page.summary import Finding, Outcome, findings, outcome
from anchorprune.report.tables import TABLE_FORMATS
from anchorprune.report.tables.paper_table import notes, paper_table

LARGEST_SVG = 1_000_000  # bytes; a larger one (many thousand points) is shown as PNG, so that the page opens at once
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
class Chapter:
    """An experiment on the page."""

    name: str
    section: Section
    findings: list[Finding]
    outcomes: dict[str, Outcome]
    table: PageTable
    table_part: Part
    changes_part: Part | None
    notes: list[str]
    figures: list[Shown]

    @property
    def id(self) -> str:
        """Of its element: no space, quote or bracket."""
        return "experiment-" + quote(self.name, safe="")

    @property
    def state(self) -> str:
        """`outside` if any finding is, `inside` if some are and none outside, else `open`."""
        states = {finding.state for finding in self.findings}
        return next((state for state in ("outside", "inside") if state in states), "open")


def write_page(everything: Section, folder: Path) -> None:
    """Write `index.html` from all detectors of the report and the figures that are already in `folder`."""
    chapters = _chapters(everything, folder)
    templates = Environment(
        loader=PackageLoader("anchorprune.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = hashlib.sha256(templates.get_template("page.js.j2").render().encode())
    text = templates.get_template("page.html.j2").render(
        chapters=chapters,
        tiles=_tiles(everything, chapters),
        measured=_measured(everything.entries),
        margin=" or ".join(f"{margin:g}" for margin in sorted({entry["no_loss"] for entry in everything.entries})),
        citation=everything.published.citation,
        version=__version__,
        table_formats=TABLE_FORMATS,
        script_hash=base64.b64encode(script.digest()).decode(),  # the page runs no other script
    )
    with whole_file(folder / PAGE) as partial:
        partial.write_text(text, encoding="utf-8")


def _chapters(everything: Section, folder: Path) -> list[Chapter]:
    groups: dict[str, list[Part]] = {}
    for part in parts(everything.entries):
        groups.setdefault(part.experiment, []).append(part)
    return [_chapter(name, group, everything, folder) for name, group in groups.items()]


def _chapter(name: str, group: list[Part], everything: Section, folder: Path) -> Chapter:
    section = everything.where(lambda entry: entry["experiment"] == name)
    sets = {of: section.where(lambda entry, of=of: entry["anchor_set"] == of) for of in section.anchor_sets}
    return Chapter(
        name=name,
        section=section,
        findings=findings(section),
        outcomes={of: outcome(its) for of, its in sets.items()},
        table=page_table(section),
        table_part=next(part for part in group if part.kind == "table"),
        notes=notes(paper_table(section), section),
        changes_part=next((part for part in group if part.kind == "changes"), None),
        figures=[_figure(part, folder) for part in group if part.kind in FIGURES],
    )


def _figure(part: Part, folder: Path) -> Shown:
    svg = (folder / f"{part.name}.svg").read_bytes()
    width, height = map(float, re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    kind, data = "svg+xml", svg
    if len(svg) > LARGEST_SVG:
        kind, data = "png", (folder / f"{part.name}.png").read_bytes()
    drawn = FIGURES[part.kind]
    title = drawn.title + (f", {part.anchor_set} anchors" if part.anchor_set else "")
    image = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return Shown(part, title, drawn.caption, image, round(CSS_PIXELS * width), round(CSS_PIXELS * height))


def _tiles(everything: Section, chapters: list[Chapter]) -> dict[str, Any]:
    """Figures for the top of the page."""
    states = Counter(finding.state for chapter in chapters for finding in chapter.findings)
    lossless = [(o.saved_macs, c, o) for c in chapters for o in c.outcomes.values() if o.lossless]
    return {
        "experiments": len(chapters),
        "detectors": int((everything.table["ap"] >= 0).sum()),
        "best": max(lossless, key=lambda item: item[0], default=None),
        "inside": states["inside"],
        "judged": states["inside"] + states["outside"],
    }


def _measured(entries: list[Entry]) -> list[tuple[str, str, int]]:
    """(version of this program, commit, how many) of the evaluations, as their metrics files say."""
    found: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        keys = ("metrics", "sliced") if entry["method"] else ("unpruned",)
        name = next((entry["files"][key] for key in keys if key in entry["files"]), None)
        if name:
            facts = read_json(name, "metrics file").get("provenance", {})
            found[tuple(str(facts.get(key) or "unknown") for key in ("anchorprune", "commit"))] += 1
    return [(*key, count) for key, count in found.items()]
