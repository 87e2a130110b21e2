"""The picture of `anchorprune show`: detections framed, those of one side alone marked, each level's anchors."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from anchorprune.heads.detections import Detections
from anchorprune.heads.head import Head, Level
from anchorprune.metrics.agreement import shared
from anchorprune.report.figures.side_by_side import ALONE, SHARED, Side, draw_comparison, write_comparison

SIZE = (160, 120)  # pixels of the photo, width first
INPUT = (96, 128)  # the network's, height first


def head(*levels):
    sizes = [Level(16 * 2**i, (6 >> i, 8 >> i), 0, 1, tuple(anchors)) for i, anchors in enumerate(levels)]
    return Head("small", INPUT[::-1], 2, tuple(sizes))


def side(title, anchors, *rows):
    """Rows of x1 y1 x2 y2 score label."""
    values = np.array(rows, np.float64).reshape(-1, 6)
    return Side(title, anchors, Detections(values[:, :4], values[:, 4], values[:, 5].astype(np.int64), INPUT))


FULL = side(
    "full",
    head([(16, 16), (32, 16)], [(48, 48)]),
    (10, 10, 60, 50, 0.9, 0),
    (100, 20, 150, 90, 0.8, 1),
    (20, 70, 40, 100, 0.5, 1),
)
PRUNED = side("pruned", head([(32, 16)], [(48, 48)]), (11, 10, 60, 50, 0.85, 0))
CLASSES = ("cat", "dog")


@pytest.fixture
def photo(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (*SIZE[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def frames(ax):
    """(colour, line style, x1, y1, x2, y2) of each rectangle but the white ones below them."""
    found = []
    for patch in ax.patches:
        color, x, y = to_hex(patch.get_edgecolor()).upper(), *patch.get_xy()
        if color != "#FFFFFF":
            found.append((color, patch.get_linestyle(), x, y, x + patch.get_width(), y + patch.get_height()))
    return found


@pytest.fixture
def panels():
    image = np.zeros((*SIZE[::-1], 3), np.uint8)
    partners = shared(FULL.found, PRUNED.found, 0.5)
    return draw_comparison(image, (FULL, PRUNED), partners, CLASSES).axes


def test_detections_are_framed_and_those_of_one_side_marked(panels):
    full, pruned = panels[:2]
    assert full.get_title(loc="left") == "full: 3 found, 2 only here"
    assert pruned.get_title(loc="left") == "pruned: 1 found, 0 only here"
    assert sorted(frames(full)) == sorted(
        [(SHARED, "-", 10, 10, 60, 50), (ALONE, "--", 100, 20, 150, 90), (ALONE, "--", 20, 70, 40, 100)]
    )
    assert frames(pruned) == [(SHARED, "-", 11, 10, 60, 50)]
    assert {text.get_text() for text in full.texts} == {"cat 0.90", "dog 0.80", "dog 0.50"}


def test_labels_stay_in_the_photo_and_apart(panels):
    full = panels[0]
    full.figure.get_figure(root=True).draw_without_rendering()
    boxes = [text.get_bbox_patch().get_window_extent() for text in full.texts]
    assert not [1 for i, box in enumerate(boxes) for other in boxes[:i] if box.overlaps(other)]
    photo = full.bbox.padded(2)
    assert all(photo.containsx(edge) for box in boxes for edge in (box.x0, box.x1))


def test_each_level_shows_its_cells_and_its_anchors(panels):
    fine, coarse = panels[2:]
    assert [ax.get_title() for ax in (fine, coarse)] == ["stride 16: 1 of 2 anchors", "stride 32: 1 of 1 anchors"]
    assert list(fine.get_xticks()) == list(range(0, 129, 16))
    assert list(coarse.get_yticks()) == [0, 32, 64, 96]
    kept = {(color, x2 - x1, y2 - y1) for color, _, x1, y1, x2, y2 in frames(fine)}
    assert kept == {(ALONE, 16, 16), (SHARED, 32, 16)}
    middles = {((x1 + x2) / 2, (y1 + y2) / 2) for _, _, x1, y1, x2, y2 in frames(fine)}
    assert middles == {(72, 56)}  # of the cell in the middle: cells 4 and 3 from the corner


def test_the_file(photo, tmp_path):
    counts = write_comparison(photo, FULL, PRUNED, CLASSES, 0.5, tmp_path / "out/picture.png")
    assert counts == {"full": 3, "pruned": 1, "shared": 1}
    with Image.open(tmp_path / "out/picture.png") as picture:
        assert picture.size[0] == 11 * 160  # inches, dots per inch
        assert "Software" not in picture.info
    first = (tmp_path / "out/picture.png").read_bytes()
    write_comparison(photo, FULL, PRUNED, CLASSES, 0.5, tmp_path / "out/picture.png")
    assert (tmp_path / "out/picture.png").read_bytes() == first
