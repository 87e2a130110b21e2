"""`anchorprune show`: which detections two detectors share, and the pictures."""

import numpy as np
import pytest
from PIL import Image
from running.command import Result

from anchorprune.cli import main
from anchorprune.heads.detections import Detections
from anchorprune.metrics.agreement import shared


def found(*rows):
    """Rows of x1 y1 x2 y2 score label."""
    values = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(values[:, :4], values[:, 4], values[:, 5].astype(np.int64), (100, 100))


def test_pairs_share_label_and_place():
    first = found((0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.8, 1), (80, 80, 90, 90, 0.7, 2))
    second = found((0, 0, 10, 9, 0.5, 0), (50, 50, 60, 60, 0.8, 2), (80, 80, 90, 86, 0.7, 2))
    ours, theirs = shared(first, second, 0.5)
    assert ours.tolist() == [True, False, True]
    assert theirs.tolist() == [True, False, True]
    assert shared(first, second, 0.7)[0].tolist() == [True, False, False]


def test_a_detection_has_one_partner_and_the_best_score_chooses():
    first = found((0, 0, 10, 10, 0.6, 0), (0, 0, 10, 9, 0.9, 0))
    second = found((0, 0, 10, 10, 0.9, 0))
    ours, theirs = shared(first, second, 0.5)
    assert ours.tolist() == [False, True]
    assert theirs.tolist() == [True]


def test_nothing_found_has_no_partners():
    assert [len(side) for side in shared(found(), found((0, 0, 1, 1, 1, 0)), 0.5)] == [0, 1]
    assert not shared(found(), found((0, 0, 1, 1, 1, 0)), 0.5)[1].any()


@pytest.mark.detectors
def test_pictures(trained, capsys, tmp_path):
    pytest.importorskip("torch")

    def run_command(*words):
        return Result(main([str(word) for word in words]), *capsys.readouterr())

    done = run_command("layout", trained.folder / "head.json", "--keep", "0,3,6", "--output", tmp_path / "layout.json")
    assert done.status == 0, done.err
    pruned, folder = tmp_path / "pruned", trained.folder
    done = run_command("slice", trained.config, trained.weights, tmp_path / "layout.json", "--output", pruned)
    assert done.status == 0, done.err
    photos = sorted(trained.split("test")[1].iterdir())[:3]
    done = run_command("show", folder, pruned, *photos, "--score", 0.2, "--output", tmp_path / "pictures")
    assert done.status == 0, done.err
    counts = done.json["images"]
    assert sum(one["full"] for one in counts) > 0
    assert sum(one["shared"] for one in counts) < sum(one["full"] for one in counts)  # seven of ten anchors are gone
    for photo in photos:
        with Image.open(tmp_path / f"pictures/{photo.stem}.png") as picture:
            assert picture.size[0] == 1760  # 11 inches, 160 dots each
    done = run_command("show", folder, pruned, tmp_path / "layout.json", "--output", tmp_path)
    assert done.status == 2
    assert "layout.json: image is damaged or cut off" in done.error_line
    done = run_command("show", folder, pruned, tmp_path / "none.jpg", "--output", tmp_path)
    assert "none.jpg: no such image; check the path" in done.error_line
