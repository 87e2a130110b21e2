"""Which anchors a front does without first, the front by a cost, and the names of shapes."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorprune.errors import UserError
from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head, Level
from anchorprune.heads.layout import Layout
from anchorprune.report.data.anchor_names import shape_columns
from anchorprune.report.data.manifest import completed
from anchorprune.report.data.published import Published
from anchorprune.report.data.search_results import read_front
from anchorprune.report.data.section import Section
from anchorprune.report.figures import removal
from anchorprune.report.figures.fronts import best_by_cost
from anchorprune.report.figures.removal import removal_shares
from anchorprune.report.figures.style import TWO_COLUMNS, style


def head(*levels, macs=10):
    sizes = [Level(8 * 2**i, (4 >> i, 4 >> i), 0, macs, tuple(anchors)) for i, anchors in enumerate(levels)]
    return Head("few", (32, 32), 1, tuple(sizes))


def front(full, *subsets):
    """A front with these subsets, dearest first, AP by the number of anchors."""
    rows = []
    for kept in subsets:
        spent = cost(Layout.keep(full, kept))
        rows.append({"kept": " ".join(map(str, kept)), "ap": len(kept) / 10, "macs": spent.macs, "boxes": spent.boxes})
    return pd.DataFrame(rows)


FOUR = head([(8, 8), (16, 8), (8, 16)], [(16, 16)])


def test_shares_of_budgets():
    """Budgets 10..40 MACs: 10-20 are served by {1}, 20-30 by {1, 2}, 30-40 by {1, 2, 3}."""
    found = removal_shares(front(FOUR, [1, 2, 3], [1, 2], [1]), FOUR)
    assert found == pytest.approx([1, 0, 1 / 3, 2 / 3])


def test_an_anchor_that_comes_back_counts_where_it_is_not():
    found = removal_shares(front(FOUR, [0, 1, 2], [1, 3], [0]), FOUR)
    assert found == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])


def test_a_front_of_the_full_head_alone():
    assert list(removal_shares(front(FOUR, [0, 1, 2, 3]), FOUR)) == [0, 0, 0, 0]


def test_a_front_by_boxes_is_weighted_by_boxes():
    """Boxes 16 + 4 fall, MACs do not: {3} has 4 boxes, {0} 16, the full head 52."""
    dear = head([(8, 8), (16, 8), (8, 16)], [(16, 16)], macs=10)
    subsets = front(dear, [0], [3])
    subsets["macs"] = [10, 20]
    assert removal_shares(subsets, dear) == pytest.approx([12 / 48, 1, 1, 36 / 48])


def test_each_search_has_a_panel_with_the_mean_of_its_seeds(tmp_path):
    """Of greedy's two fronts one ends with anchor 1 alone, one with anchor 2; pareto has the full head alone."""
    FOUR.save(tmp_path / "head.json")
    entries = []
    for search, seed, subsets in (
        ("greedy", 0, ([1, 2, 3], [1, 2], [1])),
        ("greedy", 1, ([1, 2, 3], [1, 2], [2])),
        ("pareto", 0, ([0, 1, 2, 3],)),
    ):
        file = tmp_path / f"{search}-{seed}.csv"
        front(FOUR, *subsets).to_csv(file, index=False)
        files = {"head": str(tmp_path / "head.json"), "front": str(file), "evaluated": "not read"}
        names = {"experiment": "x", "anchor_set": "a", "seed": seed, "method": search, "budget": 0.5}
        entries.append(completed({**names, "files": files}))
    figure = removal.draw(Section(entries, pd.DataFrame({"seed": [0, 1, 0]}), Published()))
    first, second, bar = figure.axes
    assert [ax.get_title() for ax in (first, second)] == ["a anchors, search greedy", "a anchors, search pareto"]
    names = ["#0\n8x8", "#1\n16x8", "#2\n8x16", "#3\n16x16"]
    assert [text.get_text() for text in first.texts] == [
        f"{name}\n{share}" for name, share in zip(names, ["100%", "17%", "17%", "67%"], strict=True)
    ]
    assert [text.get_position() for text in first.texts] == [(1, 0), (0, 0), (2, 0), (1, 1)]  # 1:1, 2:1, 1:2; 1:1
    assert [text.get_text() for text in second.texts] == [f"{name}\n0%" for name in names]
    assert [label.get_text() for label in first.get_yticklabels()] == ["stride 8", "stride 16"]
    assert bar.get_ylabel() == "share of budgets without it"


@pytest.mark.parametrize("per_level", [(15,) * 6, (45, 45)])
def test_ninety_anchors_can_be_read(tmp_path, per_level):
    """Every anchor has a cell of its own, and its words stay in it, at no less than five points."""
    sizes = [[(100 + 17 * i + level, 90 + 19 * (n - i)) for i in range(n)] for level, n in enumerate(per_level)]
    full = head(*sizes)
    full.save(tmp_path / "head.json")
    front(full, list(range(0, 90, 2)), [3]).to_csv(tmp_path / "front.csv", index=False)
    files = {"head": str(tmp_path / "head.json"), "front": str(tmp_path / "front.csv"), "evaluated": "not read"}
    names = {"experiment": "x", "anchor_set": "a", "seed": 0, "method": "greedy", "budget": 0.5}
    with style():
        figure = removal.draw(Section([completed({**names, "files": files})], pd.DataFrame({"seed": [0]}), Published()))
        figure.draw_without_rendering()
    ax = figure.axes[0]
    assert len({text.get_position() for text in ax.texts}) == 90
    for text in ax.texts:
        (x, y), box = text.get_position(), text.get_window_extent()
        (left, bottom), (right, top) = ax.transData.transform([(x - 0.5, y + 0.5), (x + 0.5, y - 0.5)])
        assert left <= box.x0 <= box.x1 <= right
        assert bottom <= box.y0 <= box.y1 <= top
        assert text.get_fontsize() >= 5
    assert figure.get_figwidth() == TWO_COLUMNS


def test_a_front_that_is_none(tmp_path):
    with pytest.raises(UserError, match=r"front.csv: no such front; search again"):
        read_front(str(tmp_path / "front.csv"))
    (tmp_path / "front.csv").write_text("kept,ap\n")
    with pytest.raises(UserError, match=r"front.csv: column 'macs' is missing"):
        read_front(str(tmp_path / "front.csv"))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_the_front_by_a_cost_is_what_nothing_dominates(subsets):
    table = pd.DataFrame(subsets, columns=["boxes", "ap"])
    found = best_by_cost(table, "boxes")
    expected = {
        (boxes, ap)
        for boxes, ap in subsets
        if not any(b <= boxes and a >= ap and (b, a) != (boxes, ap) for b, a in subsets)
    }
    assert sorted(zip(found["boxes"], found["ap"], strict=True)) == sorted(expected)
    assert found["boxes"].is_monotonic_increasing


def test_shapes_of_ssd():
    """A level of SSD300: (scale, height over width) .15 of 1, 2, 3, 1/2, 1/3 and .224 of 1."""
    level = [(45, 45), (31.8, 63.6), (26, 78), (63.6, 31.8), (78, 26), (67.2, 67.2)]
    names, columns = shape_columns(head(level, level[:2]))
    assert names == ["3:1", "2:1", "1:1, 1st", "1:1, 2nd", "1:2", "1:3"]
    assert columns == [2, 4, 5, 1, 0, 3, 2, 4]


def test_shapes_without_common_ratios():
    names, columns = shape_columns(head([(10, 13), (16, 30), (33, 23)], [(30, 61), (62, 45), (59, 119)], [(9, 28)]))
    assert names == ["no. 0", "no. 1", "no. 2"]
    assert columns == [0, 1, 2, 0, 1, 2, 0]
