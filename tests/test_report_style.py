"""Figures for papers: their widths, the fonts in them, names that do not lie on each other, looks that grey shows."""

import itertools
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from anchorprune.report.figures.point_names import name_points
from anchorprune.report.figures.style import COLORS, ONE_COLUMN, TWO_COLUMNS, looks, style, write_figure

POINTS = 54


def crowded(seed: int):
    """Points of many layouts, of which some cost and reach nearly the same."""
    draw = np.random.default_rng(seed)
    cost = np.sort(draw.uniform(1, 9, POINTS))
    return [(f"D-{i}", float(x), float(0.7 - 0.3 / x + draw.normal(0, 0.01))) for i, x in enumerate(cost)]


@pytest.mark.parametrize("width", [ONE_COLUMN, TWO_COLUMNS])
def test_no_name_of_54_points_lies_on_another_or_on_a_point(width):
    with style():
        figure = Figure(figsize=(width, 2.6), layout="constrained")
        ax = figure.subplots()
        points = crowded(width > ONE_COLUMN)
        marks = ax.scatter([x for _, x, _ in points], [y for *_, y in points], s=26, marker="s")
        left = name_points(ax, points, [])
        figure.draw_without_rendering()
    assert sorted([text.get_text() for text in ax.texts] + left) == sorted(name for name, *_ in points)
    assert len(ax.texts) >= POINTS / 3  # where there is room, names are written
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    half = marks.get_sizes()[0] ** 0.5 / 2 * figure.dpi / 72
    for x, y in ax.transData.transform([(x, y) for _, x, y in points]):
        assert not any(b.x0 < x + half and x - half < b.x1 and b.y0 < y + half and y - half < b.y1 for b in boxes)


def test_files_have_their_width_and_their_fonts(tmp_path):
    with style():
        for width in (ONE_COLUMN, TWO_COLUMNS):
            figure = Figure(figsize=(width, 2), layout="constrained")
            figure.subplots().set_xlabel("head MACs")
            write_figure(figure, tmp_path, f"w{width}")
            page = (tmp_path / f"w{width}.pdf").read_bytes()
            box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ", page)[1]
            assert float(box) == pytest.approx(72 * width, abs=0.01)
            assert b"/FontFile2" in page  # TrueType, inside; Type 3 fonts would be procedures
            assert b"/Type3" not in page
            assert b"<text" not in (tmp_path / f"w{width}.svg").read_bytes()


def test_looks_differ_in_grey():
    chosen = looks("abcd")
    assert len({look.linestyle for look in chosen.values()}) == len({look.marker for look in chosen.values()}) == 4
    assert [look.color for look in chosen.values()] == list(COLORS[:4])
    light = [np.dot(to_rgb(color), (0.2126, 0.7152, 0.0722)) for color in COLORS]
    assert max(light) < 0.65  # each is seen on white paper
