"""Example images: which are chosen, by pycocotools' AP of each image alone; their bytes; what the page says of them."""

import base64
import io
import json
import re

import numpy as np
import pytest
from oracles.original_file import figures_of_file
from PIL import Image
from running.examples import write_examples

from anchorprune.datasets.coco import read_coco
from anchorprune.heads.detections import SplitDetections
from anchorprune.report.data.image_aps import image_aps
from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.published import Published
from anchorprune.report.page.thumbnails import LARGEST_THUMBNAIL, thumbnail
from anchorprune.report.write import write_report

NAMES = {"experiment": "demo", "detector": "small", "dataset": "shapes"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a manifest whose detectors have detections on a test split of 24 images."""
    folder = tmp_path_factory.mktemp("examples")
    write_examples(folder, NAMES, images=24)
    return folder


def page_of(folder):
    manifest = read_manifest(folder / "manifest.json")
    write_report(manifest, Published(), folder / "report", figures=False)
    return (folder / "report/index.html").read_text()


def aps_alone(folder, file):
    """Position of an image -> its AP as pycocotools has it for a file of this image alone."""
    value = json.loads((folder / "data/test.json").read_text())
    rows = json.loads(file.read_text())
    found = {}
    for position, image in enumerate(value["images"]):
        alone = folder / "alone.json"
        mine = [one for one in value["annotations"] if one["image_id"] == image["id"]]
        alone.write_text(json.dumps({**value, "images": [image], "annotations": mine}))
        here = [row for row in rows if row["image_id"] == image["id"]]
        found[position] = (
            figures_of_file(alone, here)["ap"] if here else -1
        )  # these find something wherever anything is
    return found


def test_an_images_ap_is_that_of_pycocotools(made):
    files = [made / f"results/{name}/detections.json" for name in ("unpruned", "pruned-0.7")]
    truth = read_coco(made / "data/test.json")
    found = image_aps(truth, *(SplitDetections.load(file) for file in files))
    for aps, file in zip(found, files, strict=True):
        for position, expected in aps_alone(made, file).items():
            assert (expected == -1 and np.isnan(aps[position])) or aps[position] == pytest.approx(expected, abs=1e-9)


def test_the_greatest_changes_are_shown_with_both_detectors_boxes(made):
    text = page_of(made)
    blocks = re.findall(r'<details class="examples" data-pair="0 (\d)">(.*?)</details>', text, re.DOTALL)
    assert [number for number, _ in blocks] == ["1", "2"]
    aps = [aps_alone(made, made / f"results/{name}/detections.json") for name in ("unpruned", "pruned-0.7")]
    change = {position: aps[1][position] - aps[0][position] for position in aps[0] if aps[0][position] >= 0}
    worst = sorted((value, position) for position, value in change.items() if value < 0)[:10]
    best = sorted((-value, position) for position, value in change.items() if value > 0)[:10]
    assert len(worst) == 10  # there are as many as are wanted
    shown = re.findall(r"<p>(\d+)\.png: AP ([\d.]+) to ([\d.]+)</p>", blocks[0][1])
    assert [int(name) for name, *_ in shown] == [position for _, position in [*worst, *best]]
    assert [float(after) for *_, after in shown] == pytest.approx([aps[1][p] for _, p in [*worst, *best]], abs=0.0051)
    first = blocks[0][1].partition("</li>")[0]
    place = worst[0][1]
    rows = json.loads((made / "results/pruned-0.7/detections.json").read_text())
    ids = json.loads((made / "data/test.json").read_text())["images"]
    mine = [row for row in rows if row["image_id"] == ids[place]["id"] and row["score"] >= 0.3]
    assert first.rpartition("<svg")[2].count('class="found') == len(mine)
    for row in mine:
        x, y, *_ = (f"{value:.1f}".removesuffix(".0") for value in row["bbox"])
        assert f"M{x} {y}h" in first


def test_each_picture_is_there_once_and_small(made):
    text = page_of(made)
    uris = re.findall(r'href="(data:image/webp;base64,[^"]+)"', text)
    assert len(set(uris)) == len(uris) == len(set(re.findall(r'<use href="#([^"]+)"', text)))
    assert max(map(len, uris)) <= LARGEST_THUMBNAIL


def test_the_same_bytes_again(made):
    assert page_of(made) == page_of(made)


def test_a_noisy_photo_is_made_to_fit(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    uri = thumbnail(tmp_path / "noise.png", (1200, 900), 1_000_000)
    assert 5_000 < len(uri) <= LARGEST_THUMBNAIL
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        assert image.width / image.height == pytest.approx(4 / 3, rel=0.02)
    assert len(thumbnail(tmp_path / "noise.png", (1200, 900), 5_000)) <= 6_000


def test_what_is_no_image_or_another_has_no_thumbnail(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    Image.new("RGB", (8, 6)).save(tmp_path / "b.png")
    assert thumbnail(tmp_path / "a.png", (8, 6), 9000) is None
    assert thumbnail(tmp_path / "b.png", (6, 8), 9000) is None
    assert thumbnail(tmp_path / "none.png", (6, 8), 9000) is None


def test_images_that_are_gone_are_left_out_with_a_line(tmp_path):
    write_examples(tmp_path, NAMES, images=12)
    for image in (tmp_path / "data/images").iterdir():
        image.unlink()
    text = page_of(tmp_path)
    assert re.search(r"\d+ could not be read from the data set's folder, and are left out\.", text)
    assert '<details class="examples"' not in text
