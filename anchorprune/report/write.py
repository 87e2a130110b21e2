"""Write the whole report: the table of all results, then each part of each experiment, then the page of it all."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from tqdm import tqdm

from anchorprune.datasets.coco import read_coco
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Predictions
from anchorprune.report.data.contents import has_shapes, parts
from anchorprune.report.data.manifest import Entry
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.data.shapes import count_shapes
from anchorprune.report.figures.fronts import BOXES, MACS
from anchorprune.report.figures.kept_anchors import draw_layouts
from anchorprune.report.figures.overanchorized import draw_overanchorized
from anchorprune.report.figures.predicted_shapes import draw_shapes
from anchorprune.report.figures.removal import draw_removal
from anchorprune.report.figures.retraining import draw_retraining
from anchorprune.report.figures.style import style, write_figure
from anchorprune.report.figures.tradeoff import draw_tradeoff
from anchorprune.report.page.page import write_page
from anchorprune.report.tables.paper_table import write_paper_table
from anchorprune.report.tables.results_table import remarks, write_results

log = logging.getLogger(__name__)


def write_report(manifest: list[Entry], published: Published, folder: Path) -> None:
    """Write the report's files, those that `contents.report_files` names; results outside expectation are logged.

    Raises:
        UserError: a file that the manifest names is missing or damaged; what could be read first is then written.
    """
    everything = Section(manifest, results_table(manifest), published)
    _check_files(manifest)
    for line in remarks(everything):
        log.warning(line)
    write_results(everything, folder)
    for part in tqdm(parts(manifest), desc="report", unit=" parts", disable=None):
        section = everything.of(part)
        if part.kind == "table":
            write_paper_table(part, section, folder)
        else:
            with style():
                write_figure(FIGURES[part.kind](section), folder, part.name)
    write_page(everything, folder)


def _check_files(manifest: list[Entry]) -> None:
    """Say what is missing before anything is written."""
    for name in dict.fromkeys(name for entry in manifest for name in entry["files"].values()):
        if not Path(name).is_file():
            raise UserError(f"{name}: no such file, but the manifest names it; run the stage that writes it")


def _shapes(section: Section) -> Figure:
    """Of the first training's full detector: other seeds look the same."""
    entry = next(entry for entry in section.entries if has_shapes(entry))
    files = entry["files"]
    opened = Predictions.open(files["predictions"])
    return draw_shapes(count_shapes(opened, read_coco(files["annotations"])))


FIGURES: dict[str, Callable[[Section], Figure]] = {
    "pareto": partial(draw_tradeoff, axis=MACS),
    "boxes": partial(draw_tradeoff, axis=BOXES),
    "overanchorized": draw_overanchorized,
    "retraining": draw_retraining,
    "removal": draw_removal,
    "layouts": draw_layouts,
    "shapes": _shapes,
}
