"""Every result as a table of the page, where experiments are on pages of their own."""

from dataclasses import dataclass
from urllib.parse import quote

from anchorprune.report.contents import experiment_page
from anchorprune.report.data.section import Section
from anchorprune.report.tables.results_table import HEADINGS, for_people

# Columns whose text does not sort as its figures do.
_SORTED_BY_FIGURE = ("budget", "macs", "saved_macs", "saved_boxes")
_WORDS = ("anchor set", "configuration", "AP change [95%]", "that is", "trained", "images (train, prune, test)")


@dataclass(frozen=True)
class AllResults:
    """Headings with whether they are of figures, and a row per detector: its experiment, that one's page, its cells.

    A cell is its text and the figure to sort by, "" where the text does.
    """

    headings: list[tuple[str, bool]]
    rows: list[tuple[str, str, list[tuple[str, str]]]]


def all_results(section: Section) -> AllResults:
    """The table of all results as people read it."""
    shown = for_people(section)
    names, *headings = list(shown)
    figures = {HEADINGS[name]: [f"{value:.6g}" for value in section.table[name]] for name in _SORTED_BY_FIGURE}
    columns = [list(zip(shown[name], figures.get(name, [""] * len(shown)), strict=True)) for name in headings]
    pages = [f"./{quote(experiment_page(name), safe='')}" for name in shown[names]]
    rows = list(zip(shown[names], pages, map(list, zip(*columns, strict=True)), strict=True))
    return AllResults([(name, name not in _WORDS) for name in headings], rows)
