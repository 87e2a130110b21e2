"""torchvision's detectors: what the search sees is what the sliced detector does, by torchvision's own forward."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")
from torch.utils.flop_counter import FlopCounterMode
from tv_detectors import CLASSES, IDS, RETINANETS, SIZES, SSDS, picture, plain, size_option, write_data

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.registry import load
from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring import Scorer

pytestmark = pytest.mark.torchvision

ANCHORS = {"ssd300_vgg16": (4, 6, 6, 6, 4, 4), "ssdlite320_mobilenet_v3_large": (6, 6, 6, 6, 6, 6)}
ANCHORS |= dict.fromkeys(RETINANETS, (9, 9, 9, 9, 9))
LIMITS = {  # threshold, IoU, best before NMS, and of an image
    "ssd300_vgg16": (0.01, 0.45, 400, 200),
    "ssdlite320_mobilenet_v3_large": (0.001, 0.55, 300, 300),
    **dict.fromkeys(RETINANETS, (0.05, 0.5, 1000, 300)),
}
CASES = {  # which of some anchors, a level and the place in it, are kept; `levels` is how many there are
    "all": lambda level, place, levels: True,
    "some": lambda level, place, levels: (5 * level + place) % 7 > 1,  # other numbers on each level
    "even": lambda level, place, levels: place in (1, 3),
    "first": lambda level, place, levels: level > 0,
    "inner": lambda level, place, levels: level not in (1, 2),
    "last": lambda level, place, levels: level < levels - 3 and place != 2,
    "top": lambda level, place, levels: level != levels - 1,
    "but one": lambda level, place, levels: (level, place) == (0, 0),
}


def kept_of(name, case):
    counts = ANCHORS[name]
    places = [(level, place) for level, count in enumerate(counts) for place in range(count)]
    return [anchor for anchor, place in enumerate(places) if CASES[case](*place, len(counts))]


@pytest.fixture(scope="module", params=[*SSDS, *RETINANETS])
def made(request, tmp_path_factory, run_command):
    """A user's weights, their data, the folder taken over, and its predictions."""
    folder, name = tmp_path_factory.mktemp("made"), request.param
    model = plain(name)
    write_data(model, folder)
    torch.save(model.state_dict(), folder / "my.pth")
    option = f"classes={json.dumps(CLASSES)}"
    words = ("--backend", "torchvision", "--name", "own", "--option", option, *size_option(name))
    words = (*words, "--output", folder / "full")
    run_command("convert", f"torchvision::{name}", folder / "my.pth", *words)
    run_command("predict", folder / "full", folder / "truth.json", folder / "images", "--output", folder / "p.parquet")
    return SimpleNamespace(name=name, model=model, folder=folder, truth=folder / "truth.json", sliced={}, found={})


@pytest.fixture(scope="module")
def scorer(made):
    return Scorer(Predictions.open(made.folder / "p.parquet"), read_coco(made.truth))


def sliced(made, case):
    """The detector of a layout, sliced once."""
    if case not in made.sliced:
        layout = Layout.keep(head_of(made), kept_of(made.name, case))
        made.sliced[case] = load([made.folder / "full"]).slice(layout, made.folder / f"sliced {case}")
    return made.sliced[case]


def forward(made, case):
    """What torchvision's own forward of a sliced detector gives for each image, in the order of their ids."""
    if case not in made.found:
        files = [made.folder / f"images/{number}.png" for number in range(1, len(SIZES) + 1)]
        with torch.no_grad():
            made.found[case] = [sliced(made, case).model([picture(file)])[0] for file in files]
    return made.found[case]


def head_of(made):
    return Head.load(made.folder / "full/head.json")


def size_of(model):
    """(W, H) of an image that fills the input."""
    transform = model.transform
    return tuple(transform.fixed_size or (transform.max_size, *transform.min_size))


def test_the_head_is_torchvisions(made):
    head, post = head_of(made), Predictions.open(made.folder / "p.parquet").postprocess
    size = size_of(made.model)
    assert head.input_size == size
    assert tuple(len(level.anchors) for level in head.levels) == ANCHORS[made.name]
    batch, _ = made.model.transform([torch.zeros(3, *size[::-1])])
    maps = list(made.model.backbone(batch.tensors).values())
    assert [level.grid for level in head.levels] == [tuple(found.shape[2:]) for found in maps]
    (boxes,) = made.model.anchor_generator(batch, maps)
    shapes = [np.tile(np.array(level.anchors), (level.grid[0] * level.grid[1], 1)) for level in head.levels]
    np.testing.assert_allclose(np.concatenate(shapes), (boxes[:, 2:] - boxes[:, :2]).numpy(), atol=1e-4)
    assert (post.score_threshold, post.nms_iou, post.nms_pre, post.max_per_image) == LIMITS[made.name]
    per = "level" if made.name in RETINANETS else "class"
    assert (post.nms_pre_per, post.min_size, post.class_agnostic) == (per, -1, False)


def test_the_limit_before_nms_binds(made):
    """Otherwise the tests below would not show that it is honoured."""
    rows = Predictions.open(made.folder / "p.parquet").load()
    group = rows.category_id
    if made.name in RETINANETS:
        group = np.array(head_of(made).level_of_anchor)[rows.anchor]
    each = np.unique(np.stack([rows.image_id, group]), axis=1, return_counts=True)[1]
    assert each.max() > made.model.topk_candidates
    assert len(np.unique(rows.anchor)) > 0.8 * sum(ANCHORS[made.name])


def counted(model):
    """Multiply-accumulates of the head's convolutions, counted by torch while it runs."""
    batch, _ = model.transform([torch.zeros(3, *size_of(model)[::-1])])
    with torch.no_grad():
        maps = list(model.backbone(batch.tensors).values())
        with FlopCounterMode(display=False) as counter:
            model.head(maps)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("case", CASES)
def test_costs_are_those_of_the_network(made, case):
    model = sliced(made, case).model
    layout = Layout.keep(head_of(made), kept_of(made.name, case))
    assert counted(model) == cost(layout).macs


def rows_of(model, sizes, kept):
    """Which rows of the head's outputs are of kept anchors, level by level, by torchvision's order: cell by cell."""
    rows, first, anchor = [], 0, 0
    for (height, width), count in zip(sizes, model.anchor_generator.num_anchors_per_location(), strict=True):
        mine = [a for a in range(count) if anchor + a in kept]
        rows.append([first + cell * count + a for cell in range(height * width) for a in mine])
        first, anchor = first + height * width * count, anchor + count
    return rows


@torch.no_grad()
def masked(made, image, kept):
    """The full detector's outputs at the kept anchors, and what torchvision's post-processing makes of them."""
    model = made.model
    batch, _ = model.transform([image])
    maps = list(model.backbone(batch.tensors).values())
    levels = rows_of(model, [found.shape[-2:] for found in maps], set(kept))
    rows = [row for level in levels for row in level]
    whole = model.head(maps)
    outputs = {key: value[:, rows] for key, value in whole.items()}
    (anchors,) = model.anchor_generator(batch, maps)
    given = outputs, [anchors[rows]]
    if made.name in RETINANETS:
        by_level = {key: [value[:, level] for level in levels] for key, value in whole.items()}
        given = by_level, [[anchors[level] for level in levels]]
    found = model.postprocess_detections(*given, batch.image_sizes)
    return outputs, model.transform.postprocess(found, batch.image_sizes, [tuple(image.shape[-2:])])[0]


@pytest.mark.parametrize("case", CASES)
def test_a_sliced_detector_is_the_full_one_with_anchors_masked(made, case):
    kept, model = kept_of(made.name, case), sliced(made, case).model
    image = picture(made.folder / "images/1.png")
    outputs, found = masked(made, image, kept)
    with torch.no_grad():
        own = model.head(list(model.backbone(model.transform([image])[0].tensors).values()))
    for key, value in outputs.items():
        torch.testing.assert_close(own[key], value, atol=1e-5, rtol=1e-5)
    assert_same(forward(made, case)[0], found)


def assert_same(one, other):
    """The same boxes; two that score the same but for rounding may change places."""
    assert len(one["boxes"]) == len(other["boxes"]) > 0
    first, second = (
        np.concatenate([np.stack([f["labels"], f["scores"]], 1), np.asarray(f["boxes"])], 1) for f in (one, other)
    )
    np.testing.assert_allclose(first[:, 1], second[:, 1], atol=1e-5)
    bound = 1e-5 * np.maximum(np.abs(first), [1, 1, *[max(SIZES[0])] * 4])
    near = (np.abs(first[:, None] - second) <= bound[:, None]).all(2)
    assert near.any(0).all() and near.any(1).all()


@pytest.mark.parametrize("case", CASES)
def test_kept_boxes_are_those_of_torchvisions_forward(made, scorer, case):
    """Of a predictions file of the full detector, against the sliced detector's own forward on each image."""
    found = scorer.detections(kept_of(made.name, case))
    for number, detected in enumerate(forward(made, case), 1):
        mine = found.image_id == number
        labels = np.searchsorted(IDS, found.category_id[mine]) + 1
        assert_same({"labels": labels, "scores": found.score[mine], "boxes": found.boxes[mine]}, detected)


def pycocotools_ap(truth, detections):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(truth))
        run = COCOeval(known, known.loadRes(str(detections)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])


@pytest.mark.parametrize("case", CASES)
def test_the_searched_ap_is_the_sliced_detectors(made, scorer, case, tmp_path):
    """Its own detections, written here from torchvision's forward and read by pycocotools."""
    rows = []
    for number, found in enumerate(forward(made, case), 1):
        columns = (found[key].tolist() for key in ("boxes", "labels", "scores"))
        for (x1, y1, x2, y2), label, score in zip(*columns, strict=True):
            rows.append({"image_id": number, "category_id": IDS[label - 1], "score": score})
            rows[-1]["bbox"] = [x1, y1, x2 - x1, y2 - y1]
    (tmp_path / "found.json").write_text(json.dumps(rows))
    measured = pycocotools_ap(made.truth, tmp_path / "found.json")
    assert scorer.ap(kept_of(made.name, case)) == pytest.approx(measured, abs=1e-4)
    assert case == "but one" or measured > 0.001


def test_evaluate_command(made, run_command):
    folder = made.folder / "full"
    run_command("evaluate", folder, made.truth, made.folder / "images", "--output", folder / "evaluate")
    metrics = json.loads((folder / "evaluate/metrics.json").read_text())
    measured = pycocotools_ap(made.truth, folder / "evaluate/detections.json")
    assert metrics["ap"] == pytest.approx(measured, abs=1e-9)
    assert metrics["cost"]["macs"] == counted(made.model)


BARE = """
import sys
sys.modules["anchorprune"] = None  # as if not installed
import torch
from build import CLASSES, build
model = build("weights.pth")
image = torch.load("image.pth")
with torch.no_grad():
    torch.save({"classes": CLASSES, "found": model([image])[0]}, "found.pth")
"""


@pytest.mark.parametrize("case", ["some", "even", "inner", "last"])
def test_what_is_published_needs_torchvision_alone(made, case):
    from anchorprune.detectors.registry import backend

    output = made.folder / f"published {case}"
    backend("torchvision").publish([sliced(made, case).source.parent], made.truth, made.folder / "images", output)
    image = picture(made.folder / "images/2.png")
    torch.save(image, output / "image.pth")
    run = [sys.executable, "-W", "error", "-c", BARE]
    done = subprocess.run(
        run, cwd=output, env={"PATH": "", "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = torch.load(output / "found.pth")
    assert found["classes"] == dict(enumerate(CLASSES, 1))
    assert_same(found["found"], masked(made, image, kept_of(made.name, case))[1])
    text = (Path(output) / "build.py").read_text()
    assert len(text.partition("def reshape" if made.name in SSDS else "def thin")[0].splitlines()) < 40
    assert ("class UnevenHead" in text) == (made.name in RETINANETS and case in ("some", "first"))
