"""Training curves: what a log says of its losses, and the lines that the page draws of them."""

import json
import re

import pytest
from running.pruned_results import write_results

from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.data.training_log import MOST, read_losses
from anchorprune.report.page.training_curves import BOTTOM_Y, FIRST_X, LAST_X, TOP_Y, training_curves

NAMES = {"experiment": "demo", "detector": "small", "dataset": "shapes"}


def line(epoch, iteration, loss):
    """As mmengine's LoggerHook writes it."""
    return (
        f"11/27 16:43:12 - mmengine - INFO - Epoch(train)  [{epoch}][{iteration:>3}/200]  lr: 2.1e-04  eta: 0:04:12  "
        f"time: 0.14  grad_norm: 61.8  loss: {loss}  loss_cls: 99.0  loss_bbox: 4.0\n"
    )


def write_log(folder, name, *lines):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("dict(type='FiniteLossHook'),\nloss: 7\n" + "".join(lines) + "14400 images in 235.8 s\n")


def test_losses_of_epochs(tmp_path):
    write_log(tmp_path, "train.log", line(1, 20, 20.0843), line(1, 200, 4), line(2, 100, "2.5e-01"))
    found = read_losses(tmp_path)
    assert (found.unit, found.at, found.loss) == ("epochs", [0.1, 1.0, 1.5], [20.0843, 4.0, 0.25])
    assert not found.begins_late


def test_losses_of_iterations(tmp_path):
    write_log(tmp_path, "retrain.log", "INFO - Iter(train) [ 40/800]  lr: 1  loss: 3.5  loss_cls: 2\n")
    assert (read_losses(tmp_path).unit, read_losses(tmp_path).at) == ("iterations", [40.0])


def test_a_log_that_says_nothing_and_none(tmp_path):
    assert read_losses(tmp_path) is None
    write_log(tmp_path, "retrain.log")
    assert read_losses(tmp_path) is None


def test_a_training_that_went_on_says_so_and_long_logs_are_thinned(tmp_path):
    write_log(tmp_path, "train.log", *(line(e, i, 1) for e in range(3, 40) for i in range(20, 201, 20)))
    found = read_losses(tmp_path)
    assert found.begins_late
    assert MOST / 2 < len(found.at) <= MOST
    assert found.at[-1] == 39


@pytest.fixture
def section(tmp_path):
    rows = write_results(tmp_path / "results", NAMES, ("cat", "dog"), ("baseline", "more"))
    (tmp_path / "manifest.json").write_text(json.dumps(rows))
    manifest = read_manifest(tmp_path / "manifest.json")
    return Section(manifest, results_table(manifest), Published())


def test_both_detectors_have_a_line_at_the_right_height(section, tmp_path):
    base = tmp_path / "results/set-0/seed-0"
    write_log(base / "train", "train.log", line(1, 100, 100), line(2, 200, 10))
    write_log(base / "retrain-finetune", "retrain.log", line(1, 200, 10))
    write_log(base / "greedy/0.4/retrain-finetune", "retrain.log", line(1, 100, 10), line(1, 200, 1))
    (panel,) = training_curves(section)  # the other anchor set has no logs
    assert (panel.anchor_set, panel.unit, panel.late) == ("baseline", "epochs", [])
    assert [curve.name for curve in panel.curves] == [
        "unpruned, first training",
        "unpruned, again",
        "greedy @0.4, again",
    ]
    assert len({(curve.color, curve.dashes) for curve in panel.curves}) == 3
    places = {
        curve.name: [tuple(map(int, place)) for place in re.findall(r"(\d+) (\d+)", curve.path)]
        for curve in panel.curves
    }
    (x0, y0), (x1, y1) = places["unpruned, first training"]
    assert x1 == LAST_X
    assert x0 == pytest.approx(FIRST_X + (LAST_X - FIRST_X) / 4, abs=1)
    lowest = places["greedy @0.4, again"][-1][1]
    assert TOP_Y < y0 < y1 < lowest < BOTTOM_Y
    assert y1 - y0 == pytest.approx(lowest - y1, abs=1)  # a tenth each: the axis is logarithmic
    assert [text for _, text in panel.y_ticks] == ["1", "2", "5", "10", "20", "50", "100"]


def test_without_logs_there_is_no_panel(section):
    assert training_curves(section) == []
