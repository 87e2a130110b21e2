"""YOLOv3's own post-processing, and training with any anchors per level."""

import copy
import itertools
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from mmengine.structures import InstanceData
from oracles.mmdet_detectors import read

from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector
from anchorprune.detectors.mmdet.inference.candidates import candidates
from anchorprune.detectors.mmdet.model import build, describe, postprocess
from anchorprune.detectors.mmdet.pruned import slice_detector
from anchorprune.heads.layout import Layout

CONFIG = "yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py"
META = {"img_shape": (96, 128), "scale_factor": (0.5, 0.5), "batch_input_shape": (96, 128)}


@pytest.fixture(scope="module")
def heads():
    """mmdet's head and ours with the same weights, which speak up a little."""
    theirs, cfg = read(CONFIG, (128, 96)), read(CONFIG, (128, 96))
    torch.manual_seed(0)
    original = build(theirs).bbox_head.eval()
    make_prunable(cfg)
    model = build(cfg).eval()
    model.bbox_head.load_state_dict(original.state_dict())
    return original, MmdetDetector(cfg, model, describe(cfg, model))


@pytest.fixture(scope="module")
def maps():
    """Raw predictions of two images, (N, 3 * 85, H, W) per level; about one class in 30 passes the threshold."""
    generator = torch.Generator().manual_seed(1)
    result = []
    for grid in ((3, 4), (6, 8), (12, 16)):
        level = torch.randn(2, 3, 85, *grid, generator=generator)
        level[:, :, 4:] = level[:, :, 4:] * 2 - 6.5
        result.append(level.reshape(2, 255, *grid))
    return result


def detections(head, maps, **test_cfg):
    cfg = copy.deepcopy(head.test_cfg)
    cfg.update(test_cfg)
    copies = [level.clone() for level in maps]  # mmdet's changes them
    found = head.predict_by_feat(copies, batch_img_metas=[META, META], cfg=cfg, rescale=True)
    return [(image.bboxes, image.scores, image.labels) for image in found]


def test_detections_are_mmdets_where_nms_pre_lets_all_through(heads, maps):
    original, ours = heads
    for a, b in zip(
        detections(original, maps, nms_pre=100_000),
        detections(ours.model.bbox_head, maps, nms_pre=100_000),
        strict=True,
    ):
        assert len(a[1]) == 100
        for x, y in zip(a, b, strict=True):
            torch.testing.assert_close(x, y)


def test_nms_pre_keeps_the_best_of_each_level(heads, maps):
    _, ours = heads
    head = ours.model.bbox_head
    few = detections(head, maps, nms_pre=4, max_per_img=1000, nms={"type": "nms", "iou_threshold": 1.0})
    anchor, _, score, _ = candidates(ours, [[level[0] for level in maps]], META)
    expected = [sorted(score[anchor // 3 == level])[-4:] for level in range(3)]
    torch.testing.assert_close(
        few[0][1].sort().values, torch.tensor([float(s) for level in expected for s in level]).sort().values
    )


def test_the_predictions_file_has_no_threshold_left_to_apply(heads, maps):
    _, ours = heads
    found = postprocess(ours.config)
    assert (found.score_threshold, found.nms_pre, found.nms_iou) == (0, 1000, 0.45)
    _, label, score, box = candidates(ours, [[level[0] for level in maps]], META)
    passing = 0
    for level in maps:
        pairs = level[0].reshape(3, 85, -1).sigmoid()
        passing += int(((pairs[:, 5:] > 0.05) & (pairs[:, 4:5] >= 0.005)).sum())
    assert 0 < len(score) == passing
    assert score.min() < 0.05  # a product may fall below the threshold of its factor
    assert label.max() == 79
    assert (box[:, 2:] >= box[:, :2]).all()


@pytest.mark.parametrize("kept", [range(9), [0, 2, 6], [3], [1, 4, 5, 6, 7, 8]], ids=str)
def test_pruned_detectors_train(heads, kept, tmp_path):
    """A few steps on one image: the loss is finite and falls, whatever the levels that have anchors."""
    _, ours = heads
    sliced = slice_detector(ours, Layout.keep(ours.head, kept), tmp_path)
    model = sliced.model.train()
    model.bbox_head.init_weights()
    truth = InstanceData(
        bboxes=torch.tensor([[10.0, 10, 50, 60], [70, 20, 120, 90]]), labels=torch.tensor([3, 17], dtype=torch.long)
    )
    images = torch.randn(2, 3, 96, 128, generator=torch.Generator().manual_seed(2))
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    losses = []
    for _ in range(4):
        outputs = model.bbox_head(model.extract_feat(images))
        parts = model.bbox_head.loss_by_feat(*outputs, [truth, truth], [META, META])
        assert all(len(values) == 3 for values in parts.values())
        loss = sum(itertools.chain.from_iterable(parts.values()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert all(map(torch.isfinite, map(torch.tensor, losses)))
    assert losses[-1] < losses[0]
    for level, count in enumerate(sliced.head.levels):
        assert len(list(model.bbox_head.convs_bridge[level].parameters())) == (3 if count.anchors else 0)


def test_levels_go_coarsest_first(heads):
    _, ours = heads
    assert ours.config[OWN_KEY].head == Path(CONFIG).stem
    assert [level.stride for level in ours.head.levels] == [32, 16, 8]
