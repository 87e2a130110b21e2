"""The AP of each class, pruned against unpruned: the differences, their order, and a picture one can read."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from oracles.figure_files import check_figure

from anchorprune.report.data.manifest import completed
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.figures import FIGURES
from anchorprune.report.figures.classes import GAIN, LOSS, draw, part_changes
from anchorprune.report.figures.style import style, write_figure
from anchorprune.report.tables.changes_table import write_changes

FIGURES_OF_COCO = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


@pytest.fixture
def detectors(ssd300, tmp_path):
    """Makes a section of detectors with these APs per class: [(method, budget, control, seed, {class: AP})]."""
    ssd300.save(tmp_path / "head.json")

    def metrics(name, classes, **more):
        ap = float(np.mean([value for value in classes.values() if value >= 0] or [-1]))
        figures = {**dict.fromkeys(FIGURES_OF_COCO, ap), "ap_small": -1, "ap_medium": -1, "ap_large": -1}
        (tmp_path / name).write_text(json.dumps({**figures, "per_class": classes, **more}))
        return str(tmp_path / name)

    def make(full, *pruned):
        names = {"experiment": "x", "detector": "ssd", "dataset": "coco", "anchor_set": "a"}
        before = {seed: metrics(f"full-{seed}.json", classes) for seed, classes in full.items()}
        entries = [(seed, "", 1, "", {}) for seed in full]
        for number, (method, budget, control, seed, classes, *change) in enumerate(pruned):
            more = {"change": change[0]} if change else {}
            entries.append((seed, method, budget, control, {"metrics": metrics(f"{number}.json", classes, **more)}))
        manifest = []
        for seed, method, budget, control, files in entries:
            files = {"head": str(tmp_path / "head.json"), "unpruned": before[seed], **files}
            entry = {**names, "seed": seed, "method": method, "budget": budget, "control": control, "files": files}
            manifest.append(completed(entry))
        return Section(manifest, results_table(manifest), Published())

    return make


THREE = {0: {"cat": 0.5, "dog": 0.3, "cow": -1}, 1: {"cat": 0.4, "dog": 0.3, "cow": -1}}


def bars(ax):
    """(class, AP change, colour) from the top of a panel."""
    names = [label.get_text() for label in ax.get_yticklabels()]
    rows = sorted(ax.patches, key=lambda bar: bar.get_y())
    return [(n, bar.get_width(), to_hex(bar.get_facecolor()).upper()) for n, bar in zip(names, rows, strict=True)]


def test_changes_are_those_of_each_seed(detectors):
    one = ("greedy", 0.4, "", 0, {"cat": 0.45, "dog": 0.36, "cow": -1})
    other = ("greedy", 0.4, "", 1, {"cat": 0.42, "dog": 0.3, "cow": -1})
    control = ("greedy", 0.4, "random", 0, {"cat": 0.1, "dog": 0.1, "cow": -1})
    section = detectors(THREE, one, other, control)
    found = part_changes(section)
    assert list(found) == ["greedy @0.4"]
    assert found["greedy @0.4"]["ap"].loc["cat"].to_list() == pytest.approx([-0.05, 0.02])
    assert found["greedy @0.4"]["ap"].loc["dog"].to_list() == pytest.approx([0.06, 0.0])
    assert found["greedy @0.4"]["low"].isna().all(axis=None)  # the evaluations state no interval
    (ax,) = draw(section).axes
    assert bars(ax) == [("cat", pytest.approx(-0.015), LOSS), ("dog", pytest.approx(0.03), GAIN)]
    assert [dots.get_offsets()[0, 0] for dots in ax.collections[1:]] == pytest.approx(
        [-0.05, 0.02]
    )  # a dot a seed: cats
    assert ax.get_title() == "greedy @0.4\nall: +0.008"  # means of -0.05 and 0.06, of 0.02 and 0


def stated(change, low, high):
    return {"change": change, "low": low, "high": high}


CHANGE = {
    "figures": {
        "ap": stated(0.01, -0.01, 0.03),
        "ap_small": stated(-0.02, -0.05, -0.01),
        "ap_large": stated(0.1, 0, 0.2),
    },
    "per_class": {"dog": stated(0.02, 0.01, 0.03), "cat": stated(-0.001, -0.004, 0.002)},
    "ap_reference": 0.3,
}


def test_intervals_and_sizes_are_those_that_the_evaluation_states(detectors):
    section = detectors({0: {"cat": 0.5, "dog": 0.3}}, ("greedy", 0.4, "", 0, {"cat": 0.5, "dog": 0.3}, CHANGE))
    (ax,) = draw(section).axes
    assert [name for name, *_ in bars(ax)] == ["size: small", "size: large", "cat", "dog"]
    ends = [segment[:, 0].tolist() for segment in ax.collections[0].get_segments()]
    assert ends == [[-0.05, -0.01], [0, 0.2], [-0.004, 0.002], [0.01, 0.03]]


def test_the_table_of_changes_names_each_size_and_class(detectors, tmp_path):
    section = detectors({0: {"cat": 0.5, "dog": 0.3}}, ("greedy", 0.4, "", 0, {"cat": 0.5, "dog": 0.3}, CHANGE))
    write_changes(section, tmp_path, "changes")
    table = pd.read_csv(tmp_path / "changes.csv")
    assert table[["of", "name", "verdict"]].to_numpy().tolist() == [
        ["size", "small", "loses"],
        ["size", "large", "no measurable loss"],
        ["class", "cat", "no measurable loss"],
        ["class", "dog", "gains"],
    ]
    assert table[["ap_change", "ap_change_low", "ap_change_high"]].iloc[0].to_list() == [-0.02, -0.05, -0.01]
    assert "| dog    | +0.020 [+0.010, +0.030] | gains" in (tmp_path / "changes.md").read_text()


def test_panels_share_an_order_the_greatest_loss_first(detectors):
    dear = ("greedy", 0.7, "", 0, {"cat": 0.52, "dog": 0.31, "cow": -1})
    cheap = ("greedy", 0.4, "", 0, {"cat": 0.47, "dog": 0.2, "cow": -1})
    section = detectors(THREE, dear, cheap)
    first, second = draw(section).axes
    assert bars(first) == [("dog", pytest.approx(0.01), GAIN), ("cat", pytest.approx(0.02), GAIN)]
    assert [bar.get_width() for bar in second.patches] == pytest.approx([-0.1, -0.03])
    assert first.get_ylim()[0] > first.get_ylim()[1]  # the first class is on top


def test_where_no_class_was_measured_the_picture_says_so(detectors):
    section = detectors({0: {"cat": -1}}, ("greedy", 0.4, "", 0, {"cat": -1}), ("greedy", 0.2, "", 0, {}))
    assert [ax.texts[0].get_text() for ax in draw(section).axes] == ["no AP per class\nwas measured"] * 2


def test_there_is_one_for_each_anchor_set_that_has_a_pruned_detector(detectors):
    entries = detectors(THREE, ("greedy", 0.4, "", 0, {}), ("greedy", 0.4, "random", 0, {})).entries
    others = [{**entry, "anchor_set": "b"} for entry in entries if entry["control"] or not entry["method"]]
    assert FIGURES["classes"].anchor_sets(entries + others) == ["a"]


@pytest.mark.parametrize(("classes", "panels"), [(3, 1), (3, 5), (80, 1), (80, 8)])
def test_texts_do_not_overlap(detectors, classes, panels):
    rng = np.random.default_rng(0)
    names = [f"{number}$ or $\\many" for number in range(classes)]

    def aps():
        return dict(zip(names, rng.uniform(0.2, 0.8, classes), strict=True))

    pruned = [("a-search-with-a-long-name", round(0.9 - i / 10, 2), "", 0, aps()) for i in range(panels)]
    section = detectors({0: aps()}, *pruned)
    with style():
        figure = draw(section)
        figure.draw_without_rendering()
    drawn = [ax for ax in figure.axes if ax.axison]
    ticks = [text for ax in drawn for text in ax.get_xticklabels() if ax.viewLim.containsx(text.get_position()[0])]
    texts = [*(ax.title for ax in drawn), *ticks, *figure.axes[0].get_yticklabels(), *figure.texts]
    boxes = [text.get_window_extent() for text in texts]
    assert len(boxes) > classes + 3 * panels
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_its_files_are_whole(detectors, tmp_path):
    section = detectors(THREE, ("greedy", 0.4, "", 0, {"cat": 0.47, "dog": 0.2, "cow": -1}))
    with style():
        write_figure(draw(section), tmp_path, "classes")
    shown = check_figure(tmp_path, "classes")
    assert {"cat", "dog", "greedy @0.4", "all: -0.065"} < set(shown)  # means of -0.03 and -0.1
    assert "cow" not in shown
