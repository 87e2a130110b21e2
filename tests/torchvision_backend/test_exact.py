"""torchvision's SSDs: what the search sees is what the sliced detector does, by torchvision's own forward."""

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
from tv_detectors import CLASSES, IDS, NAMES, SIZES, picture, plain, write_data

from anchorprune.datasets.coco import read_coco
from anchorprune.detectors.registry import load
from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring import Scorer

pytestmark = pytest.mark.torchvision

ANCHORS = {"ssd300_vgg16": (4, 6, 6, 6, 4, 4), "ssdlite320_mobilenet_v3_large": (6, 6, 6, 6, 6, 6)}
# All; unequal numbers; the first level dropped; an inner one; the last three; the first alone.
DROPPED = {"all": (), "some": (0, 2, 5, 11, 17, 25), "first": tuple(range(6)), "inner": tuple(range(9, 16))}
DROPPED |= {"last": tuple(range(16, 30)), "but one": tuple(range(30))}


def kept_of(name, case):
    count = sum(ANCHORS[name])
    gone = {*DROPPED[case], *(range(16, count) if case == "last" else ())}
    if case == "but one":
        gone = set(range(1, count))
    return [anchor for anchor in range(count) if anchor not in gone]


@pytest.fixture(scope="module", params=NAMES)
def made(request, tmp_path_factory, run_command):
    """A user's weights, their data, the folder taken over, and its predictions."""
    folder, name = tmp_path_factory.mktemp("made"), request.param
    model = plain(name)
    write_data(model, folder)
    torch.save(model.state_dict(), folder / "my.pth")
    option = f"classes={json.dumps(CLASSES)}"
    words = ("--backend", "torchvision", "--name", "own", "--option", option, "--output", folder / "full")
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


def test_the_head_is_torchvisions(made):
    head, post = head_of(made), Predictions.open(made.folder / "p.parquet").postprocess
    size = made.model.transform.fixed_size
    assert head.input_size == tuple(size)
    assert tuple(len(level.anchors) for level in head.levels) == ANCHORS[made.name]
    maps = list(made.model.backbone(torch.zeros(1, 3, *size)).values())
    batch, _ = made.model.transform([torch.zeros(3, *size)])
    (boxes,) = made.model.anchor_generator(batch, maps)
    shapes = [np.tile(np.array(level.anchors), (level.grid[0] * level.grid[1], 1)) for level in head.levels]
    np.testing.assert_allclose(np.concatenate(shapes), (boxes[:, 2:] - boxes[:, :2]).numpy(), atol=1e-4)
    values = (0.01, 0.45, 400, 200) if made.name == "ssd300_vgg16" else (0.001, 0.55, 300, 300)
    assert (post.score_threshold, post.nms_iou, post.nms_pre, post.max_per_image) == values
    assert (post.nms_pre_per, post.min_size, post.class_agnostic) == ("class", -1, False)


def test_the_limit_of_a_class_binds(made):
    """Otherwise the tests below would not show that it is honoured."""
    rows = Predictions.open(made.folder / "p.parquet").load()
    per_class = np.unique(np.stack([rows.image_id, rows.category_id]), axis=1, return_counts=True)[1]
    assert per_class.max() > made.model.topk_candidates
    assert len(np.unique(rows.anchor)) > 0.8 * sum(ANCHORS[made.name])


def counted(model):
    """Multiply-accumulates of the head's convolutions, counted while it runs."""
    total = []

    def count(layer, given, out):
        total.append(out[0].numel() * layer.weight[0].numel())

    hooks = [m.register_forward_hook(count) for m in model.head.modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.no_grad():
        model([torch.zeros(3, *model.transform.fixed_size)])
    for hook in hooks:
        hook.remove()
    return sum(total)


@pytest.mark.parametrize("case", DROPPED)
def test_costs_are_those_of_the_network(made, case):
    model = sliced(made, case).model
    layout = Layout.keep(head_of(made), kept_of(made.name, case))
    assert counted(model) == cost(layout).macs


def rows_of(model, sizes, kept):
    """Which rows of the head's outputs are of kept anchors, by torchvision's order: cell by cell, anchor by anchor."""
    rows, first, anchor = [], 0, 0
    for (height, width), count in zip(sizes, model.anchor_generator.num_anchors_per_location(), strict=True):
        mine = [a for a in range(count) if anchor + a in kept]
        rows += [first + cell * count + a for cell in range(height * width) for a in mine]
        first, anchor = first + height * width * count, anchor + count
    return rows


@torch.no_grad()
def masked(made, image, kept):
    """The full detector's outputs at the kept anchors, and what torchvision's post-processing makes of them."""
    model = made.model
    batch, _ = model.transform([image])
    maps = list(model.backbone(batch.tensors).values())
    rows = rows_of(model, [found.shape[-2:] for found in maps], set(kept))
    outputs = {key: value[:, rows] for key, value in model.head(maps).items()}
    (anchors,) = model.anchor_generator(batch, maps)
    found = model.postprocess_detections(outputs, [anchors[rows]], batch.image_sizes)
    return outputs, model.transform.postprocess(found, batch.image_sizes, [tuple(image.shape[-2:])])[0]


@pytest.mark.parametrize("case", DROPPED)
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


@pytest.mark.parametrize("case", DROPPED)
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


@pytest.mark.parametrize("case", DROPPED)
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


@pytest.mark.parametrize("case", ["some", "inner", "last"])
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
    assert len((Path(output) / "build.py").read_text().partition("def reshape")[0].splitlines()) < 40
