"""Captions for Snakemake's report say of a figure what the page says."""

from pathlib import Path

from anchorprune.report.contents import TABLES
from anchorprune.report.figures import FIGURES, OF_WAYS

CAPTIONS = Path(__file__).parents[1] / "rules/captions"


def test_captions_are_those_of_the_page():
    for kind in (*FIGURES.values(), OF_WAYS):
        title, *words = (CAPTIONS / f"{kind.name}.rst").read_text().splitlines()
        assert title == f"**{kind.title}.**"
        assert " ".join(words) == kind.caption


def test_every_part_has_one_and_each_is_of_a_part():
    known = {*FIGURES, OF_WAYS.name, *TABLES, "results", "page", "other"}
    assert {path.stem for path in CAPTIONS.iterdir()} == known
