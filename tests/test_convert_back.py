"""From explicit anchors back to mmdet's own classes: the same boxes, weights and outputs, without this package."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.registry import TASK_UTILS
from mmdet.structures import DetDataSample
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from oracles.mmdet_detectors import read

from anchorprune.anchors.anchor_order import PUBLISHED_DIFFERENCE, published_ssd300
from anchorprune.detectors.mmdet.config.generators import TOLERANCE, mmdet_generator
from anchorprune.detectors.mmdet.config.prunable import explicit, make_prunable
from anchorprune.detectors.mmdet.conversion.convert import anchors_of, convert
from anchorprune.detectors.mmdet.conversion.convert_back import convert_back, to_mmdet
from anchorprune.detectors.mmdet.detector import load
from anchorprune.detectors.mmdet.families.registry import family_of
from anchorprune.detectors.mmdet.model import build, describe
from anchorprune.detectors.mmdet.pruned import pruned_config, slice_detector
from anchorprune.detectors.mmdet.weights import read_weights
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout

SSD300 = "ssd/ssd300_coco.py"
SSDLITE = "ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py"
RETINANET = "retinanet/retinanet_r18_fpn_1x_coco.py"
YOLO = "yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py"
SEPARATE = "nas_fpn/retinanet_r50_fpn_crop640-50e_coco.py"
SIZES = {SEPARATE: (128, 128), SSD300: (300, 300), SSDLITE: (320, 320), RETINANET: (320, 256), YOLO: (320, 320)}

# Loads the detector of each folder it is told where this package cannot be imported; saves what it makes of an image.
PLAIN = """
import sys
sys.modules["anchorprune"] = None
answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
import torch
from mmdet.apis import init_detector
from mmdet.structures import DetDataSample
for line in sys.stdin:
    folder = line.strip()
    model = init_detector(folder + "/config.py", folder + "/weights.pth", device="cpu")
    head = model.bbox_head
    if type(head).__name__ == "SSDHead":
        head.loss_cls = None  # mmdet 3's SSDHead lacks it, and cannot predict without
    image = torch.load(folder + "/image.pt")
    size = tuple(image.shape[2:])
    sample = DetDataSample(metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0)))
    with torch.no_grad():
        raw = [level for kind in head(model.extract_feat(image)) for level in kind]
        found = model.predict(image, [sample], rescale=True)[0].pred_instances
    boxes = head.prior_generator.base_anchors
    torch.save(dict(kind=type(head).__name__, raw=raw, base=boxes, boxes=found.bboxes), folder + "/found.pt")
    print("done", file=answers, flush=True)
"""


@pytest.fixture(scope="module")
def mmdet_alone(tmp_path_factory):
    """What mmdet makes of a folder's detector and image, in a process without this package."""
    folder = tmp_path_factory.mktemp("alone")
    command = [sys.executable, "-W", "ignore", "-c", PLAIN]
    pipe = subprocess.PIPE
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True, cwd=folder) as process,
    ):

        def found(place: Path) -> dict:
            print(place, file=process.stdin, flush=True)
            assert process.stdout.readline() == "done\n", (folder / "log").read_text()
            return torch.load(place / "found.pt")

        yield found
        process.stdin.close()


def plain_weights(name: str, folder: Path) -> tuple[Path, Path]:
    """mmdet's own config of a detector that lets every score pass, and random weights."""
    cfg = read(name, SIZES[name])
    cfg.model.test_cfg.update(score_thr=0.0, nms_pre=100)
    cfg.dump(str(folder / "original.py"))
    torch.manual_seed(0)
    model = build(cfg)
    model.init_weights()
    torch.save(model.state_dict(), folder / "original.pth")
    return folder / "original.py", folder / "original.pth"


def folder_of(path: Path) -> tuple[Path, Path]:
    return path / "config.py", path / "weights.pth"


def same_on_each_level(head: Head, positions) -> Layout:
    """The layout that keeps `positions(n)` of the n anchors of each level."""
    first = np.cumsum([0, *(len(level.anchors) for level in head.levels)])
    kept = [first[k] + i for k, level in enumerate(head.levels) for i in positions(len(level.anchors))]
    return Layout.keep(head, kept)


# A detector, the anchors kept of n on each level, and the generator that gives them
PRUNED = [
    (SSDLITE, lambda n: range(4), "SSDAnchorGenerator"),
    (SSDLITE, lambda n: [1], "AnchorGenerator"),
    (RETINANET, lambda n: [i for i in range(n) if i % 3 != 1], "AnchorGenerator"),
    (YOLO, lambda n: [0, 2], "YOLOAnchorGenerator"),
]


@pytest.mark.parametrize(("name", "kept", "generator"), PRUNED, ids=["ssd", "one each", "retinanet", "yolo"])
def test_a_pruned_detector_runs_in_mmdet_alone(name, kept, generator, mmdet_alone, tmp_path):
    config, weights = plain_weights(name, tmp_path)
    convert(Config.fromfile(str(config)), "full", tmp_path / "full", weights)
    full = load(*folder_of(tmp_path / "full"))
    sliced = slice_detector(full, same_on_each_level(full.head, kept), tmp_path / "sliced")
    back, weights = folder_of(tmp_path / "sliced")
    result = convert_back(Config.fromfile(str(back)), tmp_path / "back", weights)
    assert result["generator"]["type"] == generator
    assert result["difference"] < TOLERANCE
    assert result["same_order"]
    assert "anchorprune.detectors.mmdet.parts" not in (tmp_path / "back/config.py").read_text()

    width, height = SIZES[name]
    image = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    torch.save(image, tmp_path / "back/image.pt")
    theirs = mmdet_alone(tmp_path / "back")
    assert theirs["kind"] == {"s": "SSDHead", "r": "RetinaHead", "y": "YOLOV3Head"}[name[0]]
    sample = DetDataSample(
        metainfo={"img_shape": (height, width), "ori_shape": (height, width), "scale_factor": (1.0, 1.0)}
    )
    with torch.no_grad():
        outputs = sliced.model.bbox_head(sliced.model.extract_feat(image))
        found = sliced.model.predict(image, [sample], rescale=True)[0].pred_instances
    torch.testing.assert_close([x for kind in outputs for x in kind], theirs["raw"], rtol=0, atol=1e-5)
    base = sliced.model.bbox_head.prior_generator.base_anchors
    torch.testing.assert_close(theirs["base"], base, rtol=0, atol=TOLERANCE)
    if name != YOLO:  # there, nms_pre is of all levels together in mmdet
        assert len(found) > 50
        torch.testing.assert_close(theirs["boxes"], found.bboxes, rtol=0, atol=1e-2)


@pytest.mark.long
def test_the_command_turns_the_papers_order_into_mmdets(tmp_path, run_command):
    """mmdet's checkpoint into a config in the paper's order, and back: the weights that went in, the boxes too."""
    cfg = read(SSD300, (300, 300))
    cfg.dump(str(tmp_path / "original.py"))
    original = build(cfg)
    original.init_weights()
    torch.save(original.state_dict(), tmp_path / "original.pth")
    strides = cfg.model.bbox_head.anchor_generator.strides
    cfg.model.bbox_head.anchor_generator = ConfigDict(
        type="ExplicitAnchorGenerator", strides=strides, anchors=published_ssd300()
    )
    cfg.model.bbox_head.type = "PrunableSSDHead"
    cfg.custom_imports = {"imports": ["anchorprune.detectors.mmdet.parts"], "allow_failed_imports": False}
    cfg.dump(str(tmp_path / "published.py"))
    there = run_command(
        *("convert", tmp_path / "published.py", tmp_path / "original.pth"),
        *("--order", tmp_path / "original.py", "--output", tmp_path / "there"),
    )
    assert there.status == 0, there.err
    detector = load(*folder_of(tmp_path / "there"))
    shapes = [list(anchor) for level in detector.head.levels for anchor in level.anchors]
    paper = [anchor for level in published_ssd300() for anchor in level]
    np.testing.assert_allclose(shapes, paper, atol=PUBLISHED_DIFFERENCE)

    back = run_command("convert", "--back", *folder_of(tmp_path / "there"), "--output", tmp_path / "back")
    assert back.status == 0, back.err
    assert back.json["generator"]["type"] == "SSDAnchorGenerator"
    assert back.json["same_order"] is False
    state = read_weights(tmp_path / "back/weights.pth")
    assert all(torch.equal(state[name], value) for name, value in original.state_dict().items())
    again = build(Config.fromfile(str(tmp_path / "back/config.py"))).bbox_head.prior_generator.base_anchors
    torch.testing.assert_close(again, original.bbox_head.prior_generator.base_anchors, rtol=0, atol=TOLERANCE)


def test_the_release_order_takes_the_release_as_it_is(tmp_path):
    """A config in the paper's order and the paper's weights: nothing moves."""
    cfg = read(SSD300, (300, 300))
    cfg.model.bbox_head.anchor_generator = ConfigDict(
        type="ExplicitAnchorGenerator",
        strides=cfg.model.bbox_head.anchor_generator.strides,
        anchors=published_ssd300(),
    )
    state = build(cfg).state_dict()
    torch.save(state, tmp_path / "published.pth")
    head = convert(cfg, "release", tmp_path / "out", tmp_path / "published.pth", published_ssd300())
    written = read_weights(tmp_path / "out/weights.pth")
    for name, value in state.items():
        torch.testing.assert_close(written[name], value, rtol=0, atol=0, equal_nan=True)  # some are not initialised
    np.testing.assert_allclose([level.anchors for level in head.levels][1], published_ssd300()[1], atol=1e-4)


@pytest.mark.parametrize("name", [RETINANET, YOLO])
def test_other_orders_of_other_families_are_matched(name, tmp_path):
    """A checkpoint whose levels list their anchors backwards: the outputs are the original's, backwards."""
    config, weights = plain_weights(name, tmp_path)
    convert(Config.fromfile(str(config)), "plain", tmp_path / "plain", weights)
    turned = Config.fromfile(str(tmp_path / "plain/config.py"))
    generator = turned.model.bbox_head.anchor_generator
    generator.anchors = [level[::-1] for level in generator.anchors]
    convert(turned, "turned", tmp_path / "turned", weights, anchors_of(Config.fromfile(str(config))))
    plain, turned = (load(*folder_of(tmp_path / folder)) for folder in ("plain", "turned"))
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    widths = family_of(plain.model.bbox_head).channels(plain.model.bbox_head)
    with torch.no_grad():
        features = plain.model.extract_feat(image)
        pairs = zip(plain.model.bbox_head(features), turned.model.bbox_head(features), widths, strict=True)
    for before, after, width in pairs:
        for a, b in zip(before, after, strict=True):
            torch.testing.assert_close(a.unflatten(1, (-1, width)).flip(1).flatten(1, 2), b, rtol=0, atol=1e-6)


def prunable(name: str, change=None) -> Config:
    cfg = read(name, SIZES[name])
    make_prunable(cfg)
    generator = cfg.model.bbox_head.anchor_generator
    generator.anchors = [level if change is None else change(i, level) for i, level in enumerate(generator.anchors)]
    return cfg


def test_separate_batch_norms_go_back_too():
    """The parameters of the pruned head are those of mmdet's with the same anchors."""
    cfg = prunable(SEPARATE)
    model = build(cfg)
    layout = same_on_each_level(describe(cfg, model), lambda n: [i for i in range(n) if i % 3 != 1])
    cfg = pruned_config(cfg, model.bbox_head, layout)
    ours = build(cfg).state_dict()
    assert to_mmdet(cfg).config.type == "AnchorGenerator"
    assert cfg.model.bbox_head.type == "RetinaSepBNHead"
    theirs = build(cfg).state_dict()
    assert {name: value.shape for name, value in theirs.items()} == {name: value.shape for name, value in ours.items()}


def test_what_mmdet_cannot_have_is_refused_with_the_reasons(tmp_path, run_command):
    prunable(YOLO, lambda i, level: level[i:]).dump(str(tmp_path / "uneven.py"))
    done = run_command("convert", "--back", tmp_path / "uneven.py", "--output", tmp_path / "out")
    assert done.status == 2
    assert "uneven.py: no generator of mmdet's gives these anchors" in done.error_line
    assert "YOLOAnchorGenerator: 3/2/1 anchors on the levels, not equally many" in done.error_line
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="8 anchors a level are no grid of 3 scales x 3 ratios"):
        to_mmdet(prunable(RETINANET, lambda i, level: level[:4] + level[5:]))
    with pytest.raises(UserError, match=r"level 0 has 0 squares, not two.*0/6/6/6/4/4 anchors on the levels"):
        to_mmdet(prunable(SSD300, lambda i, level: level if i else []))
    cfg = prunable(RETINANET, lambda i, level: level[:1])
    cfg.model.bbox_head.filters = [[0], [0], [1], [0], [0]]
    with pytest.raises(UserError, match="applies its filters on every level"):
        to_mmdet(cfg)


numbers = st.floats(0.2, 5).map(lambda x: round(x, 3))
sides = st.lists(st.floats(4, 300), min_size=2, max_size=4)


@st.composite
def generators(draw) -> dict:
    """Configs of mmdet's generators."""
    bases = draw(sides)
    strides = [8 * 2**i for i in range(len(bases))]
    kind = draw(st.sampled_from(["SSDAnchorGenerator", "AnchorGenerator", "YOLOAnchorGenerator"]))
    if kind == "SSDAnchorGenerator":
        ratios = st.lists(st.sampled_from([1.5, 2, 3, 4.25]), max_size=3, unique=True)
        return {
            "type": kind,
            "strides": strides,
            "scale_major": False,
            "min_sizes": bases,
            "max_sizes": [base * draw(st.floats(1.1, 4)) for base in bases],
            "ratios": [draw(ratios) for _ in bases],
        }
    if kind == "YOLOAnchorGenerator":
        pairs = st.tuples(st.floats(4, 600), st.floats(4, 600))
        count = draw(st.integers(1, 4))
        sizes = [draw(st.lists(pairs, min_size=count, max_size=count)) for _ in bases]
        return {"type": kind, "strides": strides, "base_sizes": sizes}
    return {
        "type": kind,
        "strides": strides,
        "base_sizes": bases,
        "scales": draw(st.lists(numbers, min_size=1, max_size=3, unique=True)),
        "ratios": draw(st.lists(numbers, min_size=1, max_size=3, unique=True)),
        "scale_major": draw(st.booleans()),
        "center_offset": draw(st.sampled_from([0.0, 0.25, 0.5])),
    }


@settings(max_examples=150, deadline=None, derandomize=True)
@given(generators())
def test_every_generator_of_mmdets_is_found_again(config):
    init_default_scope("mmdet")
    original = TASK_UTILS.build(ConfigDict(config))
    try:
        found = mmdet_generator(explicit(ConfigDict(config)))
    except UserError as error:
        assert "too alike" in str(error)  # two anchors within the tolerance
        return
    again = TASK_UTILS.build(found.config)
    shapes = [[level.double().numpy() for level in side.base_anchors] for side in (original, again)]
    for before, after, order in zip(*shapes, found.order, strict=True):
        np.testing.assert_allclose(before[order], after, rtol=0, atol=TOLERANCE)
