"""What runs on a device, on another one than the CPU: nothing is left behind, and nothing comes out otherwise."""

import logging
from types import SimpleNamespace
from typing import Union

import pytest

torch = pytest.importorskip("torch")

import numpy as np
from mmcv.ops.nms import ext_module
from mmdet.models.losses import FocalLoss, focal_loss
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, instance_data
from oracles.mmdet_detectors import read
from oracles.other_device import Away, another_device
from running.untrained import of_images, shaken, write_untrained

from anchorprune.detectors.mmdet import operators
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector, load
from anchorprune.detectors.mmdet.inference.candidates import candidates
from anchorprune.detectors.mmdet.model import describe
from anchorprune.detectors.mmdet.pruned import slice_detector
from anchorprune.detectors.mmdet.training.dropout_hook import AnchorDropoutHook
from anchorprune.heads.layout import Layout

pytestmark = pytest.mark.long  # a minute or more of mmdet's networks

# mmdet's config, the side of its images, its threshold on scores that nobody trained
DETECTORS = {
    "ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco.py": (320, 0.013),
    "retinanet/retinanet_r18_fpn_1x_coco.py": (128, 0.02),
    "yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py": (128, 0.009),
    "nas_fpn/retinanet_r50_fpn_crop640-50e_coco.py": (128, 0.02),
}


@pytest.fixture
def device(monkeypatch):
    """Another device; what is changed of mmcv for it is put back."""
    monkeypatch.setattr(ext_module, "nms", ext_module.nms)
    monkeypatch.setattr(focal_loss, "sigmoid_focal_loss", focal_loss.sigmoid_focal_loss)
    monkeypatch.setattr(instance_data, "IndexType", Union[instance_data.IndexType, Away])  # noqa: UP007 (it reads it)
    with another_device() as there:
        yield there


LONG = {"nas_fpn/retinanet_r50_fpn_crop640-50e_coco.py"}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in DETECTORS],
    ids=lambda name: name.split("/")[0],
)
def detector(request):
    side, threshold = DETECTORS[request.param]
    torch.manual_seed(0)
    cfg = read(request.param, (side, side))
    cfg.model.test_cfg.score_thr = threshold
    make_prunable(cfg)
    model = shaken(cfg)
    return MmdetDetector(cfg, model, describe(cfg, model))


def samples(side):
    """Two images' worth of what mmdet knows of images, with two boxes each."""
    found = []
    for number in range(2):
        size = (side, side)
        facts = {"img_shape": size, "ori_shape": size, "batch_input_shape": size, "pad_shape": size}
        sample = DetDataSample(metainfo={**facts, "img_id": number, "scale_factor": (1.0, 1.0)})
        boxes = torch.tensor([[5.0, 5.0, 40.0, 60.0], [60.0, 70.0, 100.0, 90.0]]) + 3 * number
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([1, 2]))
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
        found.append(sample)
    return found


def everything(detector, device):
    """What a detector makes of two images, for comparison: candidates, detections, losses and gradients."""
    model, side = detector.model.to(device), detector.head.input_size[0]
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2)).to(device)
    truth = [sample.to(device) for sample in samples(side)]
    with torch.no_grad():
        outputs = model.bbox_head(model.extract_feat(images))
        rows = candidates(detector, [[one[0] for one in level] for level in outputs], truth[0].metainfo)
        found = [one.pred_instances.cpu() for one in model.predict(images, truth, rescale=True)]
    hook = AnchorDropoutHook({"subsets": 2})
    runner = SimpleNamespace(model=model, seed=1, iter=3, max_iters=10)
    hook.before_train(runner)
    losses = model.loss(images, truth)
    hook.after_train(runner)
    total = sum(one if isinstance(one, torch.Tensor) else sum(one) for one in losses.values())
    total.backward()
    gradients = [one.grad.cpu() for one in model.bbox_head.parameters() if one.grad is not None]
    model.zero_grad()
    assert {one.device.type for one in (*outputs[0], total, *model.parameters())} == {torch.device(device).type}
    figures = [[one.bboxes, one.scores, one.labels] for one in found]
    return [list(map(torch.from_numpy, rows)), figures, total.detach().cpu(), gradients]


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors is a no-op")
def test_another_device_gives_the_same(detector, device, tmp_path):
    here = everything(detector, "cpu")
    assert len(here[0][0]) > 20
    assert len(here[1][0][0]) > 5
    operators.do_without(device)
    there = everything(detector, device)
    torch.testing.assert_close(there, here)
    full = detector.head
    layout = Layout.keep(full, [i for i in range(full.num_anchors) if full.level_of_anchor[i] != len(full.levels) - 1])
    away = slice_detector(detector, layout, tmp_path / "away")
    assert away.device == device
    detector.model.to("cpu")
    sliced = slice_detector(detector, layout, tmp_path / "here")
    for name in ("weights.pth", "config.py", "head.json"):
        assert (tmp_path / "away" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()
    torch.testing.assert_close(everything(away, device), everything(sliced, "cpu"))


def test_what_is_left_behind_is_noticed(detector, device, monkeypatch):
    priors = detector.model.bbox_head.prior_generator.grid_priors
    operators.do_without(device)
    forgetful = lambda sizes, **options: priors(sizes, **{**options, "device": "cpu"})  # noqa: E731
    monkeypatch.setattr(detector.model.bbox_head.prior_generator, "grid_priors", forgetful)
    with pytest.raises(RuntimeError, match="expected all tensors to be on the same device, but found meta and cpu"):
        everything(detector, device)
    detector.model.to("cpu")


def test_a_split_on_another_device(forty_scenes, made_once, device, tmp_path):
    """From files to files: weights, images and photos find their way there, and results back."""
    folder, images = made_once("untrained", write_untrained), forty_scenes / "images/prune"
    split = of_images(forty_scenes / "prune.json", 2, tmp_path / "two.json"), images
    photo = min(images.iterdir())
    here, there = (load(folder / "config.py", folder / "weights.pth", where) for where in ("cpu", str(device)))
    assert there.device == device
    assert there.head == here.head

    def found(detector):
        rows = [list(one) for one in detector.candidates(*split)]
        detections = [(number, one.boxes, one.scores, one.labels) for number, one in detector.detections(*split)]
        photos = [(one.boxes, one.scores) for one in detector.on_photos([photo])]
        return rows, detections, photos

    assert all(len(one[3]) for one in found(here)[0])
    for a, b in zip(found(here), found(there), strict=True):
        for x, y in zip(a, b, strict=True):
            for one, other in zip(x, y, strict=True):
                np.testing.assert_array_equal(one, other)


def test_operators_that_a_device_has_not(device, caplog):
    caplog.set_level(logging.WARNING, "anchorprune")
    cpu = torch.device("cpu")
    assert operators.why_not(cpu) is None
    assert "implementation for device meta not found" in operators.why_not(device)
    operators.do_without(cpu)
    assert not caplog.text
    for _ in range(2):
        operators.do_without(device)
    assert caplog.text.count("NMS runs on the CPU instead; run `make setup` where CUDA's compiler nvcc is") == 1
    assert operators.why_not(device) is None
    logits, labels = torch.randn(50, 3, requires_grad=True), torch.arange(50) % 4
    ours = focal_loss.sigmoid_focal_loss(logits, labels, gamma=2.0, alpha=0.25, avg_factor=7.0)
    assert torch.equal(ours, FocalLoss()(logits, labels, avg_factor=7.0))


def test_operators_that_keep_the_wrong_box(monkeypatch):
    monkeypatch.setattr(ext_module, "nms", lambda boxes, scores, **_: torch.tensor([0]))
    assert operators.why_not(torch.device("cpu")) == "of two boxes of one object it keeps [0]"


def test_a_cuda_that_is_not_there(forty_scenes, made_once, run_command, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("torch has a GPU here")
    folder = made_once("untrained", write_untrained)
    split = forty_scenes / "prune.json", forty_scenes / "images/prune"
    for command in ("predict", "evaluate"):
        done = run_command(command, folder, *split, "--device", "cuda", "--output", tmp_path / command)
        assert done.status == 2
        assert (
            "--device cuda: this torch sees no GPU; `anchorprune doctor` says why, --device cpu does without"
            in done.err
        )
    data = "--annotations", split[0], "--images", split[1], "--output", tmp_path / "out"
    for device, other, line in (
        ("cpu", "--gpus", "not on --device cpu"),
        ("cuda", "--processes", "not on --device cuda"),
    ):
        done = run_command("retrain", folder, "--device", device, other, 1, *data)
        assert (done.status, line in done.err) == (2, True)


def test_doctor_says_where_nms_runs(run_command, monkeypatch):
    assert run_command("doctor").json["NMS"] == {"ok": True, "text": "runs on the CPU"}
    monkeypatch.setattr(torch.version, "cuda", "13.0")  # as of a torch with CUDA, beside the mmcv of a login node
    assert [run_command("doctor", CUDA_VISIBLE_DEVICES=gpus).status for gpus in ("", "0")] == [0, 1]
    done = run_command("doctor")
    assert "has CUDA, mmcv's operators do not; run `make setup` where CUDA's compiler nvcc is" in done.err
    assert done.json["NMS"]["ok"] is False
