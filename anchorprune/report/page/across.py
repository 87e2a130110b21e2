"""What the page shows of several experiments together: ways of training, and how well searches rank layouts."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from anchorprune.report.contents import Part
from anchorprune.report.page.chapters import Shown, shown_figure
from anchorprune.report.page.page_table import PageTable, plain_table
from anchorprune.report.tables import ranking_table, ways_table


@dataclass(frozen=True)
class Across:
    """What there is to show of several experiments.

    Attributes:
        parts: of `contents.overall_parts`.
        ways: the table of `comparison`.
        ranking: the table of `ranking`.
    """

    parts: list[Part]
    ways: pd.DataFrame
    ranking: pd.DataFrame

    def of(self, part: Part) -> pd.DataFrame:
        """The rows of a comparison and anchor set."""
        chosen = (self.ways["compared"] == part.experiment) & (self.ways["anchor_set"] == part.anchor_set)
        return self.ways[chosen]


@dataclass(frozen=True)
class Block:
    """A table of the page with its part, the notes below and the figures beside it."""

    part: Part
    table: PageTable
    notes: list[str]
    figures: list[Shown]


@dataclass(frozen=True)
class Comparison:
    """Ways of training compared, by the name of the experiment that lists them."""

    name: str
    block: Block


def comparisons(across: Across, folder: Path) -> list[Comparison]:
    """The comparisons, with their figures that lie in `folder`; empty where there is none."""
    found = []
    for name, rows in across.ways.groupby("compared", sort=False):
        part = next(part for part in across.parts if part.kind == "ways")
        figures = [shown_figure(part, folder, False) for part in across.parts if part.experiment == name]
        notes = [ways_table.NOTE, *ways_table.cheaper_from(rows)]
        table = plain_table(
            rows, ways_table.ways_as_text(rows), ways_table.HEADINGS, ("anchor_set", "way"), {"compared"}
        )
        found.append(Comparison(name, Block(part, table, notes, figures)))
    return found


def ranked(across: Across) -> Block | None:
    """How well searches rank layouts; None where there are too few."""
    part = next((part for part in across.parts if part.kind == "ranking"), None)
    if part is None:
        return None
    shown = ranking_table.ranking_as_text(across.ranking)
    table = plain_table(across.ranking, shown, ranking_table.HEADINGS, ("experiment", "anchor_set"))
    return Block(part, table, ranking_table.NOTES, [])
