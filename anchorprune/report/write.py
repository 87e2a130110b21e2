"""Write the whole report: the table of all results, then each part of each experiment, then the page of it all."""

import logging
from pathlib import Path

from tqdm import tqdm

from anchorprune.errors import UserError
from anchorprune.report.contents import parts
from anchorprune.report.data.manifest import Entry
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.figures import FIGURES
from anchorprune.report.figures.style import style, write_figure
from anchorprune.report.page.page import write_page
from anchorprune.report.tables.changes_table import write_changes
from anchorprune.report.tables.paper_table import write_paper_table
from anchorprune.report.tables.results_table import remarks, write_results

LOG = logging.getLogger(__name__)


def write_report(manifest: list[Entry], published: Published, folder: Path) -> None:
    """Write the report's files, those that `contents.report_files` names; results outside expectation are logged.

    Raises:
        UserError: a file that the manifest names is missing, and then nothing is written, or damaged.
    """
    _check_files(manifest)
    everything = Section(manifest, results_table(manifest), published)
    for line in remarks(everything):
        LOG.warning(line)
    write_results(everything, folder)
    for part in tqdm(parts(manifest), desc="report", unit=" parts", disable=None):
        section = everything.of(part.experiment, part.anchor_set)
        if part.kind == "table":
            write_paper_table(section, folder, part.name)
        elif part.kind == "changes":
            write_changes(section, folder, part.name)
        else:
            with style():
                write_figure(FIGURES[part.kind].draw(section), folder, part.name)
    write_page(everything, folder)


def _check_files(manifest: list[Entry]) -> None:
    """Say what is missing before anything is written."""
    for name in dict.fromkeys(name for entry in manifest for name in entry["files"].values()):
        if not Path(name).is_file():
            raise UserError(f"{name}: no such file, but the manifest names it; run the stage that writes it")
