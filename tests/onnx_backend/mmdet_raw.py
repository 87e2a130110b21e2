"""mmdet's detectors with random weights that see something, their raw exports, and data on which they have an AP."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from mmengine.config import Config
from oracles.fitting import calibrate, fresh
from oracles.mmdet_detectors import read
from running.command import ROOT
from running.detector import SMALL_ANCHORS

from anchorprune.deploy.onnx.models import save
from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.export import export

CLASSES = ("ape", "bee", "cat")
IDS = (3, 5, 9)  # of the data set
SIZES = ((150, 120), (96, 128), (200, 80), (64, 48))
# Config, (W, H) of the input, score threshold, and whether its images keep their ratio and have each a size of its own.
FORMS = {
    "ssd": ("", (128, 128), 0.3, False),
    "retinanet": ("retinanet/retinanet_r18_fpn_1x_coco.py", (160, 128), 0.3, True),
    "retinanet-stretched": ("retinanet/retinanet_r18_fpn_1x_coco.py", (160, 128), 0.3, False),
    "yolov3": ("yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py", (160, 128), 0.2, True),
}


def config(name):
    file, size, threshold, keep_ratio = FORMS[name]
    if file:
        cfg = read(file, size)
        make_prunable(cfg)
    else:
        cfg = Config.fromfile(str(ROOT / "config/detectors/ssd_demo.py"))
        compose.set_anchors(cfg, SMALL_ANCHORS["strides"], SMALL_ANCHORS["levels"])
    compose.set_classes(cfg, CLASSES)
    cfg.model.test_cfg.score_thr = threshold
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == "Resize":
            step.update(scale=size, keep_ratio=keep_ratio)
    return cfg


@torch.no_grad()
def detector_of(name):
    """A detector whose scores and boxes differ much from cell to cell and from anchor to anchor."""
    detector = fresh(config(name))
    width, height = FORMS[name][1]
    images = torch.nn.functional.interpolate(torch.rand(2, 3, 12, 16), size=(height, width), mode="bicubic")
    images = 4 * (images.clamp(0, 1) - 0.5)
    calibrate(detector, images)
    head = detector.model.bbox_head
    features = detector.model.extract_feat(images)
    generator = torch.Generator().manual_seed(5)
    if name == "ssd":
        layers = [[part[i][-1]] for i in range(len(features)) for part in (head.cls_convs, head.reg_convs)]
    elif name == "yolov3":
        layers = [[layer] for layer in head.convs_pred]
    else:
        layers = [[head.retina_cls], [head.retina_reg]]
    for group in layers:  # to a spread of 1.5 over what it gives now, whichever level it is of
        seen = []
        hooks = [layer.register_forward_hook(lambda m, i, o, seen=seen: seen.append(o.flatten())) for layer in group]
        head(features)
        for hook in hooks:
            hook.remove()
        for layer in group:
            layer.weight.mul_(1.5 / torch.cat(seen).std())
            layer.bias.copy_(0.5 * torch.randn(layer.bias.shape, generator=generator))
    if name.startswith("retinanet"):
        head.retina_cls.bias -= 2
    return detector


def write_export(detector, path: Path, any_size=True) -> Path:
    """`model-raw.onnx`, as `anchorprune deploy` writes it."""
    models = export(detector, 18, {"anchorprune": "test", "commit": None}, any_size)
    save({path.stem: models.raw}, path.parent)
    return path


def write_data(detector, folder: Path):
    """Images of noise, and annotations that are some of mmdet's own boxes, shifted a little."""
    rng, records, boxes = np.random.default_rng(0), [], []
    (folder / "images").mkdir(parents=True)
    for number, (width, height) in enumerate(SIZES, 1):
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        image = PIL.Image.fromarray(coarse).resize((width, height), PIL.Image.Resampling.BICUBIC)
        image.save(folder / f"images/{number}.png")
        records.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
    categories = [{"id": i, "name": name} for i, name in zip(IDS, CLASSES, strict=True)]
    truth = {"images": records, "annotations": boxes, "categories": categories}
    (folder / "truth.json").write_text(json.dumps(truth))
    for found in detector.candidates(folder / "truth.json", folder / "images"):
        for anchor in np.unique(found.anchor):
            best = np.flatnonzero(found.anchor == anchor)[found.score[found.anchor == anchor].argmax()]
            x1, y1, x2, y2 = (found.boxes[best] + rng.uniform(-2, 2, 4)).tolist()
            if x2 - x1 > 2 and y2 - y1 > 2:
                one = {"id": len(boxes) + 1, "image_id": found.image_id, "bbox": [x1, y1, x2 - x1, y2 - y1]}
                one |= {"category_id": IDS[int(found.label[best])], "area": (x2 - x1) * (y2 - y1), "iscrowd": 0}
                boxes.append(one)
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder / "truth.json"


@torch.no_grad()
def raw_outputs(detector, images):
    """mmdet's own outputs for RGB images (N, 3, H, W) 0..255, by the names that exports give them."""
    preprocessor = detector.model.data_preprocessor
    features = detector.model.extract_feat((images - preprocessor.mean) / preprocessor.std)
    outputs = detector.model.bbox_head(features)
    kinds = ("pred",) if len(outputs) == 1 else ("cls", "reg")
    return {f"{k}_{i}": value for k, levels in zip(kinds, outputs, strict=True) for i, value in enumerate(levels)}
