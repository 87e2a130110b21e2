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
from anchorprune.report.data.detector_facts import detector_facts
from anchorprune.report.data.image_aps import image_aps
from anchorprune.report.data.manifest import read_manifest
from anchorprune.report.data.published import Published
from anchorprune.report.data.results import results_table
from anchorprune.report.data.section import Section
from anchorprune.report.page.example_images import FOR_A_PAGE, example_images
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
    for file in files:
        aps = image_aps(truth, SplitDetections.load(file))
        for position, expected in aps_alone(made, file).items():
            assert (expected == -1 and np.isnan(aps[position])) or aps[position] == pytest.approx(expected, abs=1e-9)


def test_the_greatest_changes_are_shown_with_both_detectors_boxes(made):
    text = page_of(made)
    blocks = re.findall(r'<details class="examples" data-pair="0 (\d)">(.*?)</details>', text, re.DOTALL)
    assert [number for number, _ in blocks] == ["1", "2"]
    aps = [aps_alone(made, made / f"results/{name}/detections.json") for name in ("unpruned", "pruned-0.7")]
    change = {at: round(aps[1][at] - aps[0][at], 9) for at in aps[0] if aps[0][at] >= 0}
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


def test_every_two_detectors_have_examples_for_the_script(made):
    """Two pruned detectors: the ten worst and best of the whole split by pycocotools, with the boxes of their files."""
    text = page_of(made)
    facts = json.loads(re.search(r'class="answers">(.*?)</script>', text, re.DOTALL)[1])["examples"]
    assert facts["pairs"].keys() == {"0 1", "0 2", "1 2"}
    files = [made / f"results/pruned-{budget}/detections.json" for budget in ("0.7", "0.4")]
    aps = [aps_alone(made, file) for file in files]
    change = {at: round(aps[1][at] - aps[0][at], 9) for at in aps[0] if aps[0][at] >= 0}
    worst = [position for value, position in sorted((value, at) for at, value in change.items()) if value < 0][:10]
    best = [position for value, position in sorted((-value, at) for at, value in change.items()) if value < 0][:10]
    at = [picture[0] for picture in facts["pictures"]]
    assert [[at[place] for place in part] for part in facts["pairs"]["1 2"]] == [worst, best]
    assert worst
    assert best
    ids = [image["id"] for image in json.loads((made / "data/test.json").read_text())["images"]]
    names = {3: "cat", 7: "dog"}
    for number, file, mine in zip("12", files, aps, strict=True):
        rows = [row for row in json.loads(file.read_text()) if row["score"] >= 0.3]
        for (position, name, *_), (ap, numbers) in zip(facts["pictures"], facts["seen"][number], strict=True):
            assert name == f"{position}.png"
            assert ap == pytest.approx(mine[position], abs=5.1e-4)
            here = sorted((r for r in rows if r["image_id"] == ids[position]), key=lambda row: -row["score"])
            shown = np.array(numbers).reshape(-1, 6)
            assert shown[:, :4] == pytest.approx(np.array([row["bbox"] for row in here]).reshape(-1, 4), abs=0.51)
            assert [facts["classes"][of] for of in shown[:, 4]] == [names[row["category_id"]] for row in here]
            assert shown[:, 5] == pytest.approx(np.array([100 * row["score"] for row in here]), abs=0.51)


def test_where_bytes_end_examples_are_counted(tmp_path):
    """Of fifty experiments, each has its part of the page: what has no picture keeps its place in the order."""
    write_examples(tmp_path, NAMES, images=80, grain=1)
    manifest = read_manifest(tmp_path / "manifest.json")
    found = detector_facts(Section(manifest, results_table(manifest), Published()))
    alone, shared = example_images(found, 1), example_images(found, 50)
    assert (alone.left_out, alone.unread) == (0, 0)
    assert all(place >= 0 for parts in alone.facts["pairs"].values() for part in parts for place in part)
    assert 4 < len(shared.pictures) < len(alone.pictures)
    assert shared.left_out == sum(len(group) for pair in alone.pairs for _, group in pair.groups) - sum(
        len(group) for pair in shared.pairs for _, group in pair.groups
    )
    assert shared.left_out
    for pair, parts in shared.facts["pairs"].items():
        assert list(map(len, parts)) == list(map(len, alone.facts["pairs"][pair]))
        assert parts[0][0] >= 0  # everyone's worst comes first
    written = len(json.dumps(shared.facts)) + sum(len(picture.uri) for picture in shared.pictures.values())
    assert written < FOR_A_PAGE / 50


def test_each_picture_is_there_once_and_small(made):
    text = page_of(made)
    pictures = re.findall(r'<image id="([^"]+)"[^>]* href="(data:image/webp;base64,[^"]+)"', text)
    names, uris = zip(*pictures, strict=True)
    assert len(set(uris)) == len(uris) == text.count("data:image/webp")
    assert set(re.findall(r'<use href="#([^"]+)"', text)) <= set(names)
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
    assert re.search(r"Images that could not be read from the data set's folder: \d+\.", text)
    assert '<details class="examples"' not in text
