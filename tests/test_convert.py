"""Conversion of mmdet's configs and of checkpoints under the names and orders that are around."""

import json
import os
import re
from collections import OrderedDict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmengine.logging.history_buffer import HistoryBuffer
from oracles.mmdet_detectors import CONFIGS, read

from anchorprune.anchors.anchor_order import PUBLISHED_DIFFERENCE, permutation, published_ssd300
from anchorprune.detectors.mmdet.checkpoints import read_checkpoint, renamed
from anchorprune.detectors.mmdet.conversion.convert import convert
from anchorprune.detectors.mmdet.detector import load
from anchorprune.detectors.mmdet.model import build
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.head import Head

SSD300 = CONFIGS / "ssd/ssd300_coco.py"
YOLO = CONFIGS / "yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py"


def old_ssd_name(name: str) -> str:
    """A name of today's SSD as mmdet 2.x had it before the neck."""
    name = re.sub(r"^bbox_head\.(cls|reg)_convs\.(\d)\.0\.", r"bbox_head.\1_convs.\2.", name)
    name = re.sub(
        r"^neck\.extra_layers\.(\d)\.(\d)\.conv\.", lambda m: f"backbone.extra.{2 * int(m[1]) + int(m[2])}.", name
    )
    return name.replace("neck.l2_norm.", "backbone.l2_norm.")


@pytest.fixture(scope="module")
def ssd300():
    """mmdet's own SSD300 with random weights."""
    torch.manual_seed(0)
    model = build(read("ssd/ssd300_coco.py", (300, 300))).eval()
    model.neck.init_weights()
    return model


@pytest.fixture(scope="module")
def files(ssd300, tmp_path_factory):
    """Its weights under today's names, and under mmdet 2.x's in the paper's order of anchors."""
    folder = tmp_path_factory.mktemp("checkpoints")
    state = ssd300.state_dict()
    torch.save(state, folder / "mmdet.pth")
    ours = [[[float(x2 - x1), float(y2 - y1)] for x1, y1, x2, y2 in level] for level in base_anchors(ssd300)]
    order = permutation(ours, published_ssd300(), PUBLISHED_DIFFERENCE)
    published = OrderedDict()
    for name, value in state.items():
        found = re.match(r"bbox_head\.(cls|reg)_convs\.(\d)\.0", name)
        if found:
            positions = order[int(found[2])]
            value = value.unflatten(0, (len(positions), -1))[positions].flatten(0, 1)
        published["module." + old_ssd_name(name)] = value
    torch.save({"meta": {"epoch": 24, "CLASSES": ("a", "b")}, "state_dict": published}, folder / "published.pth")
    return folder


def base_anchors(model) -> list:
    return [level.double().tolist() for level in model.bbox_head.prior_generator.base_anchors]


def test_the_command_writes_a_detector_with_the_same_outputs(ssd300, files, run_command, tmp_path):
    done = run_command("convert", SSD300, files / "mmdet.pth", "--output", tmp_path, "--name", "mine")
    assert done.status == 0, done.err
    assert done.json["anchors_per_level"] == [4, 6, 6, 6, 4, 4]
    assert done.json["macs"] == 4231319040
    detector = load(tmp_path / "config.py", tmp_path / "weights.pth")
    assert detector.head == Head.load(tmp_path / "head.json")
    assert detector.head.name == "mine"
    assert detector.classes[:2] == ("person", "bicycle")
    state = detector.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in ssd300.state_dict().items())


def test_the_papers_order_becomes_mmdets(ssd300, files, tmp_path):
    """The permuted weights are mmdet's again; the shapes are those the weights were trained for."""
    cfg = read("ssd/ssd300_coco.py", (300, 300))
    convert(cfg, "published", tmp_path, files / "published.pth", published_ssd300())
    detector = load(tmp_path / "config.py", tmp_path / "weights.pth")
    state = detector.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in ssd300.state_dict().items())
    shapes = [list(anchor) for level in detector.head.levels for anchor in level.anchors]
    expected = [[x2 - x1, y2 - y1] for level in base_anchors(ssd300) for x1, y1, x2, y2 in level]
    np.testing.assert_allclose(shapes, expected, atol=PUBLISHED_DIFFERENCE)
    flat = [anchor for level in published_ssd300() for anchor in level]
    np.testing.assert_allclose(sorted(shapes), sorted(flat), atol=1e-4)
    difference = np.abs(np.subtract(shapes, expected)).max(1)
    assert np.flatnonzero(difference > 0.03).tolist() == [5]  # 0.224 for sqrt(0.15 * 0.33)
    assert difference[5] == pytest.approx(0.454, abs=1e-3)


def test_orders_that_do_not_match_are_refused():
    published = published_ssd300()
    turned = [level[::-1] for level in published]
    assert permutation(published, turned) == [list(range(len(level)))[::-1] for level in published]
    assert permutation([[], [[1, 2]]], [[], [[1, 2]]]) == [[], [0]]
    with pytest.raises(UserError, match=r"no anchor within 0\.001 px of 21\.000 x 22\.000"):
        permutation([[[21, 21]]], [[[21, 22]]])
    with pytest.raises(UserError, match="level 0: anchors do not match one to one"):
        permutation([[[21, 21], [30, 30]]], [[[21, 21], [21, 21]]])
    with pytest.raises(UserError, match="level 0: 1 anchors do not match 2"):
        permutation([[[21, 21]]], [[[21, 21], [30, 30]]])
    with pytest.raises(UserError, match="anchors of 1 levels do not match those of 2 levels"):
        permutation([[]], [[], []])


def test_the_papers_order_is_for_ssd300_only(run_command, tmp_path):
    done = run_command("convert", YOLO, "--order", "published", "--output", tmp_path)
    assert done.status == 2
    assert "anchors of 6 levels do not match those of 3 levels" in done.error_line
    assert not list(tmp_path.iterdir())


def test_without_weights_there_is_no_weights_file(tmp_path):
    head = convert(read("yolo/" + YOLO.name, (320, 320)), "yolo", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.py", "detector.json", "head.json"]
    assert read_json(tmp_path / "head.json") == head.to_dict()


def test_keys_that_do_not_fit_are_named(files, run_command, tmp_path):
    state = torch.load(files / "mmdet.pth", weights_only=True)
    state["bbox_head.other.weight"] = state.pop("bbox_head.cls_convs.0.0.weight")
    torch.save(state, tmp_path / "other.pth")
    done = run_command("convert", SSD300, tmp_path / "other.pth", "--output", tmp_path / "out")
    assert done.status == 2
    assert "missing bbox_head.cls_convs.0.0.weight; unknown bbox_head.other.weight" in done.error_line
    assert not (tmp_path / "out").exists()


def convolution(prefix: str) -> list[str]:
    """Names of a convolution with a batch norm as mmdet 2.x wrote them; files of before torch 0.4.1 lack counters."""
    norm = ("weight", "bias", "running_mean", "running_var")
    return [f"{prefix}.conv.weight", *(f"{prefix}.bn.{name}" for name in norm)]


def yolov3_d53() -> list[str]:
    """mmdet 2.x's names (its Darknet, YOLOV3Neck and YOLOV3Head, and the key lists in mmdetection issue 4407)."""
    prefixes = ["backbone.conv1"]
    for stage, blocks in enumerate((1, 2, 8, 8, 4), start=1):
        prefixes.append(f"backbone.conv_res_block{stage}.conv")
        prefixes += [f"backbone.conv_res_block{stage}.res{i}.conv{j}" for i in range(blocks) for j in (1, 2)]
    prefixes += [f"neck.detect{i}.conv{j}" for i in (1, 2, 3) for j in range(1, 6)]
    prefixes += [*(f"neck.conv{i}" for i in (1, 2)), *(f"bbox_head.convs_bridge.{i}" for i in range(3))]
    last = [f"bbox_head.convs_pred.{i}.{kind}" for i in range(3) for kind in ("weight", "bias")]
    return [name for prefix in prefixes for name in convolution(prefix)] + last


def retinanet_r50() -> list[str]:
    """mmdet 2.x's names (its ResNet, FPN and RetinaHead)."""
    norm, both = ("weight", "bias", "running_mean", "running_var"), ("weight", "bias")
    layers = [("backbone.conv1", "backbone.bn1")]
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            prefix = f"backbone.layer{stage}.{block}"
            layers += [(f"{prefix}.conv{i}", f"{prefix}.bn{i}") for i in (1, 2, 3)]
        layers.append((f"backbone.layer{stage}.0.downsample.0", f"backbone.layer{stage}.0.downsample.1"))
    names = [f"{conv}.weight" for conv, _ in layers] + [f"{bn}.{kind}" for _, bn in layers for kind in norm]
    biased = [f"neck.lateral_convs.{i}.conv" for i in range(3)] + [f"neck.fpn_convs.{i}.conv" for i in range(5)]
    biased += [f"bbox_head.{tower}_convs.{i}.conv" for tower in ("cls", "reg") for i in range(4)]
    biased += ["bbox_head.retina_cls", "bbox_head.retina_reg"]
    return names + [f"{layer}.{kind}" for layer in biased for kind in both]


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ("yolo/yolov3_d53_8xb8-ms-608-273e_coco.py", yolov3_d53()),
        ("retinanet/retinanet_r50_fpn_1x_coco.py", retinanet_r50()),
    ],
    ids=["yolov3", "retinanet"],
)
def test_names_of_mmdet_2_load_into_other_families(config, names):
    """mmdet 3 kept these detectors' names."""
    model = build(read(config, (320, 256)))
    own = model.state_dict()
    assert len(set(names)) == len(names)
    old = {f"module.{name}": own[name] for name in names}
    found = renamed(old, model)
    assert found.keys() == own.keys()
    assert all(found[name] is own[name] for name in names)


@pytest.mark.parametrize("config", ["ssd/ssd300_coco.py", "ssd/ssd512_coco.py", "pascal_voc/ssd300_voc0712.py"])
def test_names_of_mmdet_2_with_and_without_the_neck_load_into_ssd(config):
    model = build(read(config, (300, 300)))
    own = model.state_dict()
    assert renamed(own, model) == own
    old = {"module." + old_ssd_name(name): value for name, value in own.items()}
    assert sum(name.startswith("module.backbone.extra.") for name in old) > 8
    assert "module.bbox_head.cls_convs.0.weight" in old
    assert renamed(old, model) == own


def test_mmengines_checkpoints_are_read(tmp_path):
    history = HistoryBuffer()
    for value in (1.0, 2.0):
        history.update(value)
    torch.save(
        {
            "meta": {"epoch": 1, "seed": 0, "dataset_meta": {"classes": ("a",)}, "time": np.float64(0.5)},
            "message_hub": {"log_scalars": OrderedDict(loss=history), "runtime_info": OrderedDict(lr=np.float32(0.1))},
            "state_dict": OrderedDict(weight=torch.ones(2)),
            "optimizer": {"state": {}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        },
        tmp_path / "epoch_1.pth",
    )
    assert read_checkpoint(tmp_path / "epoch_1.pth")["weight"].tolist() == [1, 1]


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_no_code_of_a_checkpoint_is_run(tmp_path):
    mark = tmp_path / "mark"
    torch.save({"state_dict": {"weight": torch.ones(2)}, "meta": Malicious(str(mark))}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match=r"holds more than tensors.*publish its state dict alone"):
        read_checkpoint(tmp_path / "bad.pth")
    assert not mark.exists()


def test_unnamed_classes_are_asked_for(tmp_path):
    cfg = read("yolo/" + YOLO.name, (320, 320))
    cfg.model.bbox_head.num_classes = 3
    cfg.anchorprune.pop("classes")
    with pytest.raises(UserError, match=r"80 class names for a head of 3 classes; add anchorprune = dict\(classes"):
        convert(cfg, "yolo", tmp_path)
    assert json.dumps([p.name for p in tmp_path.iterdir()]) == "[]"
