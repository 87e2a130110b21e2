"""The paper table as the page shows it: rows by anchor set, published figures next to ours, the best AP in bold."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from anchorprune.report.data.published import number
from anchorprune.report.data.section import Section
from anchorprune.report.tables.paper_table import PUBLISHED, as_text, headings
from anchorprune.report.tables.results_table import MARK, format_macs

WORDS = ("verdict", "trained", "images")  # columns without a figure
ROWS = ("anchor_set", "configuration")  # columns that name a row
# What the figures of a column are measured on, by the start of its name; the longest counts.
TAGS = {"ap": "test split", "ap_search": "prune split", "voc": "test split", "published": "published"}


@dataclass(frozen=True)
class Column:
    """A column of figures: its heading, and what they are measured on (a TAG or "")."""

    heading: str
    tag: str


@dataclass(frozen=True)
class Cell:
    """A figure.

    Attributes:
        text: for people.
        value: to sort by, as text; "" where there is none.
        best: the highest AP of its column.
        outside: marked as not expected.
    """

    text: str
    value: str
    best: bool
    outside: bool


@dataclass(frozen=True)
class PageTable:
    """Columns, group (an anchor set) -> [(name of the row, a cell per column)], and what the rows are named by."""

    columns: list[Column]
    groups: dict[str, list[tuple[str, list[Cell]]]]
    first: str = "configuration"


def page_table(table: pd.DataFrame, section: Section) -> PageTable:
    """The paper table of an experiment."""
    shown = as_text(table, section)
    names = _beside([name for name in shown if name not in ROWS])
    titles = headings(section)
    columns = [Column(titles[name].removeprefix("published "), _tag(name)) for name in names]
    cells = [_words(shown[name]) if name in WORDS else _cells(name, table[name], shown[name]) for name in names]
    groups: dict[str, list[tuple[str, list[Cell]]]] = {}
    for anchor_set, configuration, *row in zip(table["anchor_set"], _configurations(table), *cells, strict=True):
        groups.setdefault(anchor_set, []).append((configuration, row))
    return PageTable(columns, groups)


def plain_table(
    table: pd.DataFrame,
    shown: pd.DataFrame,
    headings: dict[str, str],
    names: tuple[str, str],
    without: Collection[str] = (),
) -> PageTable:
    """Another table of the report, in groups.

    Args:
        table: its figures; where a column that is shown has them, they are what it is sorted by.
        shown: its text.
        headings: of the columns shown, by their names.
        names: the columns that name the group and the row.
        without: columns to leave out.
    """
    columns = [name for name in headings if name not in (*names, *without)]
    cells = [_plain(table.get(name), shown[name]) for name in columns]
    groups: dict[str, list[tuple[str, list[Cell]]]] = {}
    for group, row_name, *row in zip(shown[names[0]], shown[names[1]], *cells, strict=True):
        groups.setdefault(group, []).append((row_name, row))
    return PageTable([Column(headings[name], "") for name in columns], groups, headings[names[1]])


def _plain(figures: pd.Series | None, shown: pd.Series) -> list[Cell]:
    if figures is None or not pd.api.types.is_numeric_dtype(figures):
        return _words(shown)
    values = [f"{value:.12g}" if value == value else "" for value in figures]
    return [Cell(text, value, False, False) for text, value in zip(shown, values, strict=True)]


def _configurations(table: pd.DataFrame) -> list[str]:
    """Names of the rows; how many seeds a row is of is said where rows differ in it."""
    if table["seeds"].nunique() == 1:
        return table["configuration"].to_list()
    return [f"{name} (seeds: {n})" for name, n in zip(table["configuration"], table["seeds"], strict=True)]


def _beside(names: list[str]) -> list[str]:
    """The columns with each published one after ours."""
    ours = [name for name in names if name not in PUBLISHED]
    return [name for own in ours for name in (own, f"published_{own}") if name in names]


def _tag(name: str) -> str:
    return next((TAGS[start] for start in sorted(TAGS, key=len, reverse=True) if name.startswith(start)), "")


def _words(shown: pd.Series) -> list[Cell]:
    return [Cell(text, "", False, False) for text in shown]


def _cells(name: str, figures: pd.Series, shown: pd.Series) -> list[Cell]:
    """A column's cells. Among APs that differ as they are shown, the highest are best."""
    values = [float("nan") if text == "-" else number(str(figure)) for figure, text in zip(figures, shown, strict=True)]
    rounded = [round(value, 3) for value in values if value >= 0]
    is_ap = name.startswith(("ap", "voc")) and name != "ap_change"
    best = max(rounded) if is_ap and len(set(rounded)) > 1 else None
    return [
        Cell(
            text=_text(name, value, text),
            value=f"{value:.12g}" if value == value else "",
            best=round(value, 3) == best,
            outside=text.endswith(MARK),
        )
        for value, text in zip(values, shown, strict=True)
    ]


def _text(name: str, value: float, text: str) -> str:
    """As the table's other forms have it, but MACs with a unit and thousands apart."""
    if value != value:
        return text
    if name.endswith("macs") and not name.startswith("saved"):
        return format_macs(value)
    return f"{value:,.0f}" if name.endswith("boxes") and not name.startswith("saved") else text
