"""Write the report: each experiment's tables, figures and page, and the table and page of them all."""

import logging
from pathlib import Path

from anchorprune.errors import UserError
from anchorprune.progress_bar import progress_bar
from anchorprune.report.contents import TEXT, Part, experiment_page, on_one_page, overall_parts, parts
from anchorprune.report.data.comparison import comparison
from anchorprune.report.data.manifest import Entry
from anchorprune.report.data.published import Published
from anchorprune.report.data.ranking import ranking
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.figures import FIGURES, OF_WAYS
from anchorprune.report.figures.style import style, write_figure
from anchorprune.report.page.across import Across
from anchorprune.report.page.as_text import write_text
from anchorprune.report.page.page import write_index, write_page
from anchorprune.report.tables.changes_table import write_changes
from anchorprune.report.tables.decisions_table import write_decisions
from anchorprune.report.tables.paper_table import write_paper_table
from anchorprune.report.tables.ranking_table import write_ranking
from anchorprune.report.tables.results_table import remarks, write_results
from anchorprune.report.tables.ways_table import write_ways

LOG = logging.getLogger(__name__)


def write_report(manifest: list[Entry], published: Published, folder: Path, figures: bool | None = None) -> None:
    """Write all of the report's files, those that `contents.report_files` names; what is not as expected is logged.

    Args:
        manifest: entries, completed.
        published: published figures.
        folder: of the report.
        figures: whether to draw them, seconds for each experiment; None: where one page shows all experiments.

    Raises:
        UserError: a file that the manifest names is missing, and then nothing is written, or damaged.
    """
    everything = _gathered(manifest, published)
    drawn = on_one_page(manifest) if figures is None else figures
    chosen = everything.experiments()
    for section in progress_bar(chosen.values(), title="report", unit=" experiments"):
        _write_experiment(section, folder, drawn)
    _write_overall(everything, folder, drawn)


def write_experiment(manifest: list[Entry], published: Published, folder: Path, name: str) -> None:
    """Write the files of one experiment of a manifest, those that `contents.experiment_files` names; errors as above.

    Raises:
        UserError: no entry is of this experiment.
    """
    mine = [entry for entry in manifest if entry["experiment"] == name]
    if not mine:
        known = ", ".join(dict.fromkeys(entry["experiment"] for entry in manifest))
        raise UserError(f"--experiment {name!r}: the manifest has none of this name; it has {known}")
    _write_experiment(_gathered(mine, published), folder, True)


def write_overall(manifest: list[Entry], published: Published, folder: Path) -> None:
    """Write what is about all experiments together, `contents.overall_files`; what is not as expected is logged.

    Where one page shows all, it takes their figures from `folder`.

    Raises:
        UserError: a file that the manifest names is missing, or damaged.
    """
    _write_overall(_gathered(manifest, published), folder, on_one_page(manifest))


def _gathered(manifest: list[Entry], published: Published) -> Section:
    _check_files(manifest)
    return Section(manifest, results_table(manifest), published)


def _write_overall(everything: Section, folder: Path, figures: bool) -> None:
    for line in remarks(everything):
        LOG.warning(line)
    write_results(everything, folder)
    write_text(everything, folder / TEXT)
    across = Across(overall_parts(everything.entries), comparison(everything), ranking(everything))
    for part in across.parts:
        _write_across(part, across, folder)
    write_index(everything, across, folder, figures)


def _write_experiment(section: Section, folder: Path, figures: bool) -> None:
    for part in parts(section.entries, figures):
        _write_part(part, section.of(part.experiment, part.anchor_set), folder)
    write_page(section, folder, experiment_page(section.entries[0]["experiment"]), figures)


def _write_part(part: Part, section: Section, folder: Path) -> None:
    if part.kind == "table":
        write_paper_table(section, folder, part.name)
    elif part.kind == "decisions":
        write_decisions(section, folder, part.name)
    elif part.kind == "changes":
        write_changes(section, folder, part.name)
    else:
        with style():
            write_figure(FIGURES[part.kind].draw(section), folder, part.name)


def _write_across(part: Part, across: Across, folder: Path) -> None:
    if part.kind == "ways":
        write_ways(across.ways, folder, part.name)
    elif part.kind == "ranking":
        write_ranking(across.ranking, folder, part.name)
    else:
        with style():
            write_figure(OF_WAYS.draw(across.of(part)), folder, part.name)


def _check_files(manifest: list[Entry]) -> None:
    """Say what is missing before anything is written."""
    for name in dict.fromkeys(name for entry in manifest for name in entry["files"].values()):
        if not Path(name).is_file():
            raise UserError(f"{name}: no such file, but the manifest names it; run the stage that writes it")
