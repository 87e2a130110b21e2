"""The report as HTML pages that need no other file: summary, tables, figures, where the figures came from."""

import base64
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from anchorprune import __version__
from anchorprune.files import read_json, whole_file
from anchorprune.report.contents import PAGE, on_one_page
from anchorprune.report.data.manifest import Entry
from anchorprune.report.data.pair_examples import EACH, LEAST_SCORE
from anchorprune.report.data.section import Section
from anchorprune.report.page import plot, training_curves
from anchorprune.report.page.across import Across, comparisons, ranked
from anchorprune.report.page.all_results import all_results
from anchorprune.report.page.chapters import Chapter, body, chapter, many_figures
from anchorprune.report.page.example_images import as_path, short
from anchorprune.report.page.tradeoff import AXES
from anchorprune.report.tables import TABLE_FORMATS
from anchorprune.report.tables.decisions_table import NOTES


def write_index(everything: Section, across: Across, folder: Path, figures: bool) -> None:
    """Write `index.html`: all experiments whole, or of many the summary and every result, with a link to each's page.

    Args:
        everything: all detectors of the report.
        across: what is shown of several experiments together.
        folder: of the report; figures that the page shows are there already.
        figures: whether experiments are shown with theirs.
    """
    whole, found = on_one_page(everything.entries), everything.experiments().items()
    small = whole and figures and many_figures(everything.entries, folder)
    chapters = [
        chapter(name, section, body(section, folder, figures, small, len(found)) if whole else None)
        for name, section in found
    ]
    results = None if whole else all_results(everything)
    more = {"comparisons": comparisons(across, folder), "ranked": ranked(across)}
    _write(everything, chapters, folder / PAGE, results=results, **more)


def write_page(section: Section, folder: Path, name: str, figures: bool) -> None:
    """Write the page of one experiment as `name`; arguments as of `write_index`, with its detectors alone."""
    experiment = section.entries[0]["experiment"]
    _write(section, [chapter(experiment, section, body(section, folder, figures))], folder / name, index=PAGE)


def _write(section: Section, chapters: list[Chapter], path: Path, **more: Any) -> None:
    script = hashlib.sha256(_TEMPLATES.get_template("page.js.j2").render().encode())
    text = _TEMPLATES.get_template("page.html.j2").render(
        chapters=chapters,
        tiles=_tiles(section, chapters),
        measured=_measured(section.entries),
        margin=" or ".join(f"{margin:g}" for margin in sorted({entry["no_loss"] for entry in section.entries})),
        citation=section.published.citation,
        version=__version__,
        axes=AXES,
        area=plot,
        curves_area=training_curves,
        table_formats=TABLE_FORMATS,
        decisions_note=" ".join(NOTES),
        script_hash=base64.b64encode(script.digest()).decode(),  # the page runs no other script
        **{"index": None, "results": None, "comparisons": [], "ranked": None, **more},
    )
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


_TEMPLATES = Environment(
    loader=PackageLoader("anchorprune.report.page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
_TEMPLATES.globals |= {"as_path": as_path, "short": short, "each": EACH, "least_score": LEAST_SCORE}


def _tiles(section: Section, chapters: list[Chapter]) -> dict[str, Any]:
    """Figures for the top of the page."""
    states = Counter(finding.state for chapter in chapters for finding in chapter.findings)
    lossless = [(o.saved_macs, c, o) for c in chapters for o in c.outcomes.values() if o.lossless]
    return {
        "experiments": len(chapters),
        "detectors": int((section.table["ap"] >= 0).sum()),
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
