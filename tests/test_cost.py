"""Costs against the published figures."""

import csv
from pathlib import Path

import pytest
from anchorprune.heads.head import Head, Level

from anchorprune.errors import UserError
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout

PUBLISHED = Path(__file__).parents[1] / "config/published"


def published(name):
    with (PUBLISHED / name).open() as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("row", published("ssd300_search_front.csv"), ids=lambda row: row["head_MACs"])
def test_every_point_of_the_published_front(ssd300, row):
    layout = Layout.drop(ssd300, map(int, row["removed_anchor_indices"].split()))
    found = cost(layout)
    assert found.macs == int(row["head_MACs"])
    assert found.boxes == int(row["boxes"])
    assert found.anchors == int(row["anchors_kept"])
    assert "/".join(map(str, found.anchors_per_level)) == row["kept_per_level"]


@pytest.mark.parametrize(
    "row",
    [r for r in published("results.csv") if r["detector"] == "ssd300_vgg16"],
    ids=lambda row: row["configuration"] + row["variant"],
)
def test_published_configurations(ssd300, row):
    found = cost(Layout.drop(ssd300, map(int, row["removed_anchors"].split())))
    assert (found.macs, found.boxes) == (int(row["head_macs"]), int(row["boxes"]))
    assert "/".join(map(str, found.anchors_per_level)) == row["anchors_per_level"]


def retinanet(height=800, width=1200) -> Head:
    """RetinaNet's head, 4 + 4 stacked 3x3 convolutions of 256 channels, nine anchors on each of P3..P7."""
    levels = []
    for stride in (8, 16, 32, 64, 128):
        grid = (-(-height // stride), -(-width // stride))
        cells = grid[0] * grid[1]
        levels.append(Level(stride, grid, cells * 9 * 8 * 256 * 256, cells * 9 * 256 * 84, ((stride, stride),) * 9))
    return Head("retinanet", (width, height), 80, tuple(levels))


def test_retinanet_and_its_pruned_configuration():
    head = retinanet()
    full = cost(Layout.full(head))
    assert full.boxes == 180153
    assert round(full.macs / 1e9, 1) == 129.3
    pruned = Layout.drop(head, [*range(9), *(9 * level + 4 for level in range(1, 5))])
    assert cost(pruned).boxes == 40136
    assert round(cost(pruned).macs / 1e9, 1) == 31.4


def test_a_level_without_anchors_costs_nothing():
    level = Level(8, (2, 3), 1000, 10, ((8.0, 8.0), (4.0, 4.0)))
    head = Head("two", (16, 24), 1, (level, level))
    assert cost(Layout.keep(head, [3])).macs == 1010
    assert cost(Layout.keep(head, [3])).boxes == 6
    assert cost(Layout.full(head)).macs == 2 * 1020


def test_command(run_command, ssd300, tmp_path):
    path = tmp_path / "head.json"
    ssd300.save(path)
    done = run_command("cost", path, "--drop", "5,7,13,16,17,19,22,25,26,27,28")
    assert done.status == 0
    assert done.json == {
        "anchors": 19,
        "macs": 3607764480,
        "boxes": 7814,
        "anchors_per_level": [4, 4, 5, 3, 2, 1],
    }
    for arguments, words in (
        (("--keep", "30"), "no anchor 30"),
        (("--keep", ""), "keeps no anchor"),
        (("--keep", "a"), "not a comma-separated list"),
        (("--keep", "1", "--drop", "2"), "exclude each other"),
    ):
        failed = run_command("cost", path, *arguments)
        assert failed.status == 2
        assert words in failed.error_line
        assert len(failed.err.strip().splitlines()) == 1
    assert "no such head description" in run_command("cost", tmp_path / "none.json").error_line


def test_layouts_refuse_what_is_not_theirs(ssd300, tmp_path):
    Layout.keep(ssd300, [0, 3]).save(tmp_path / "layout.json")
    assert Layout.load(tmp_path / "layout.json", ssd300).kept == (0, 3)
    with pytest.raises(UserError, match="layout of head 'ssd300-vgg16', but the detector's head is 'retinanet'"):
        Layout.load(tmp_path / "layout.json", retinanet())
    (tmp_path / "layout.json").write_text('{"version": 2, "head": "ssd300-vgg16", "kept": [0]}')
    with pytest.raises(UserError, match="version 2 is not known"):
        Layout.load(tmp_path / "layout.json", ssd300)
    (tmp_path / "layout.json").write_text('{"version": 1, "head": "ssd300-vgg16", "kept": [0, 99]}')
    with pytest.raises(UserError, match=r"layout.json: .*no anchor 99; its anchors are 0..29"):
        Layout.load(tmp_path / "layout.json", ssd300)
    assert Head.from_dict(ssd300.to_dict()) == ssd300
