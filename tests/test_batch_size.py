"""Several images at once: the candidates and detections of one by one, but for how sums are rounded."""

import json

import numpy as np
import pytest
from PIL import Image
from running.untrained import CLASSES, of_images, shaken, write_untrained

torch = pytest.importorskip("torch")

from mmdet.models.detectors import SingleStageDetector
from oracles.mmdet_detectors import read

from anchorprune.detectors.mmdet.config.compose import set_classes
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector, load
from anchorprune.detectors.mmdet.model import describe

pytestmark = pytest.mark.long  # a minute or more of mmdet's networks


def found(detector, split):
    """Candidates and detections by image."""
    rows = {one.image_id: one for one in detector.candidates(*split)}
    return rows, dict(detector.detections(*split))


def compare(ones, others):
    """Equal but for how float32 rounds sums: as measured, scores by 4e-6 and boxes by 0.006 pixels at most."""
    for one, other in zip(ones, others, strict=True):
        assert list(one) == list(other)  # the images, in their order
    for image, a in ones[0].items():
        b = others[0][image]
        for column in ("anchor", "label"):
            np.testing.assert_array_equal(getattr(a, column), getattr(b, column))
        np.testing.assert_allclose(a.score, b.score, rtol=0, atol=1e-5)
        np.testing.assert_allclose(a.boxes, b.boxes, rtol=0, atol=0.02)
    for image, a in ones[1].items():
        b = others[1][image]
        np.testing.assert_allclose(a.scores, b.scores, rtol=0, atol=1e-5)


def test_scenes(forty_scenes, made_once):
    folder = made_once("untrained", write_untrained)
    split = forty_scenes / "prune.json", forty_scenes / "images/prune"
    one, three = (load(folder / "config.py", folder / "weights.pth", batch_size=size) for size in (1, 3))
    single = found(one, split)
    assert all(len(rows.score) for rows in single[0].values())
    compare(single, found(three, split))


def test_images_of_many_sizes_are_not_padded_to_their_neighbours(tmp_path, monkeypatch):
    """RetinaNet keeps the ratio: wide, wide, tall, wide are batches of two, one and one."""
    torch.manual_seed(0)
    cfg = read("retinanet/retinanet_r18_fpn_1x_coco.py", (160, 96))
    cfg.test_dataloader.dataset.pipeline[1].scale = (160, 96)
    cfg.model.test_cfg.score_thr = 0.015
    make_prunable(cfg)
    set_classes(cfg, CLASSES)
    model = shaken(cfg)
    rng = np.random.default_rng(0)
    sizes = {1: (160, 96), 2: (160, 96), 3: (96, 160), 4: (160, 96)}
    for number, (width, height) in sizes.items():
        Image.fromarray(rng.integers(0, 255, (height, width, 3), np.uint8)).save(tmp_path / f"{number}.png")
    images = [{"id": n, "file_name": f"{n}.png", "width": w, "height": h} for n, (w, h) in sizes.items()]
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES, 1)]
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))
    detector = MmdetDetector(cfg, model, describe(cfg, model))
    single = found(detector, (tmp_path / "a.json", tmp_path))
    seen, extract = [], SingleStageDetector.extract_feat
    monkeypatch.setattr(SingleStageDetector, "extract_feat", lambda s, x: seen.append(tuple(x.shape)) or extract(s, x))
    compare(single, found(MmdetDetector(cfg, model, detector.head, batch_size=4), (tmp_path / "a.json", tmp_path)))
    assert seen == 2 * [(2, 3, 96, 160), (1, 3, 160, 96), (1, 3, 96, 160)]


def test_commands(forty_scenes, made_once, run_command, tmp_path):
    folder = made_once("untrained", write_untrained)
    split = of_images(forty_scenes / "prune.json", 3, tmp_path / "three.json"), forty_scenes / "images/prune"
    for size in ("1", "2"):
        for command in ("evaluate", "predict"):
            output = tmp_path / f"{command}-{size}"
            done = run_command(command, folder, *split, "--device", "cpu", "--batch-size", size, "--output", output)
            assert done.status == 0, done.err
    default = run_command("predict", folder, *split, "--output", tmp_path / "default")
    assert (tmp_path / "default").read_bytes() == (tmp_path / "predict-1").read_bytes(), default.err
    counts = [len(json.loads((tmp_path / f"evaluate-{size}/detections.json").read_text())) for size in "12"]
    assert counts[0] == counts[1] > 0


def test_a_backend_that_takes_one_image_at_a_time(run_command, tmp_path):
    (tmp_path / "detector.json").write_text(json.dumps({"version": 1, "backend": "linear"}))
    done = run_command("predict", tmp_path, "a.json", "images", "--batch-size", 2, "--output", tmp_path / "p.parquet")
    assert (done.status, "takes one image at a time; leave the option out" in done.err) == (2, True)
