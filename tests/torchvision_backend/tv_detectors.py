"""torchvision's own detectors with random weights, as a user has them, and data on which their AP is not nought.

Everything here is torchvision's: nothing is taken from the project.
"""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from torch import nn
from torchvision.models import detection

CLASSES = ("ape", "bee", "cat")
IDS = (3, 5, 9)  # of the data set
SSDS = ("ssd300_vgg16", "ssdlite320_mobilenet_v3_large")
RETINANETS = ("retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2")
RETINA_SIZE = (160, 128)  # `max_size` and `min_size`: a fiftieth of the usual ones' area
SIZES = ((150, 120), (96, 128), (200, 80))


def plain(name):
    """torchvision's detector with random weights whose scores and boxes differ much from cell to cell."""
    torch.manual_seed(1)
    sizes = {} if name in SSDS else {"max_size": RETINA_SIZE[0], "min_size": RETINA_SIZE[1]}
    model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=len(CLASSES) + 1, **sizes)
    return enlivened(model)


def enlivened(model):
    """A network with random weights, whose scores and boxes are made to differ much from cell to cell."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    model.train()
    for norm in norms:  # statistics of what it sees, or a random MobileNet's signal dies away
        norm.momentum = None
    coarse = torch.rand(2, 3, 18, 18)
    images = model.transform([nn.functional.interpolate(one[None], scale_factor=8)[0] for one in coarse])[0].tensors
    with torch.no_grad():
        maps = list(model.backbone(images).values())
        model.head(maps)
        model.eval()
        maps = list(model.backbone(images).values())
        if isinstance(model, detection.RetinaNet):
            scoring, boxes = model.head.classification_head, model.head.regression_head
            for tower, layer, spread in ((scoring, scoring.cls_logits, 1.5), (boxes, boxes.bbox_reg, 0.5)):
                layer.weight.mul_(spread / nn.functional.conv2d(tower.conv(maps[0]), layer.weight).std())
                layer.bias.normal_(std=0.4)
            scoring.cls_logits.bias.sub_(1)
            scoring.cls_logits.bias[:: scoring.num_classes] = -20  # as a training does: no object has label 0
            return model
        for tower, spread in ((model.head.classification_head, 0.7), (model.head.regression_head, 1.0)):
            for block, found in zip(tower.module_list, maps, strict=True):
                layer = last(block)
                layer.weight.mul_(spread / block(found).std())
                layer.bias.normal_(std=0.4)
    return model


def size_option(name):
    """The option that says a RetinaNet's size of images."""
    return () if name in SSDS else ("--option", f"input_size={list(RETINA_SIZE)}")


def last(block):
    """The convolution whose channels are the anchors'."""
    return block[1] if isinstance(block, nn.Sequential) else block


def picture(path):
    """An image file as a tensor."""
    return torch.from_numpy(np.array(PIL.Image.open(path))).permute(2, 0, 1).float() / 255


def write_data(model, folder: Path):
    """Images of noise, and annotations that are some of the detector's own detections, shifted a little."""
    rng, records, boxes = np.random.default_rng(0), [], []
    (folder / "images").mkdir()
    for number, (width, height) in enumerate(SIZES, 1):
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        image = PIL.Image.fromarray(coarse).resize((width, height), PIL.Image.Resampling.BICUBIC)
        image.save(folder / f"images/{number}.png")
        records.append({"id": number, "file_name": f"{number}.png", "width": width, "height": height})
        with torch.no_grad():
            (found,) = model([picture(folder / f"images/{number}.png")])
        for row in rng.choice(len(found["boxes"]), 12, replace=False).tolist():
            x1, y1, x2, y2 = (found["boxes"][row] + torch.from_numpy(rng.uniform(-3, 3, 4))).tolist()
            if x2 - x1 > 1 and y2 - y1 > 1:
                box = [x1, y1, x2 - x1, y2 - y1]
                label = int(found["labels"][row]) - 1
                boxes.append({"id": len(boxes) + 1, "image_id": number, "category_id": IDS[label], "bbox": box})
                boxes[-1] |= {"area": box[2] * box[3], "iscrowd": 0}
    categories = [{"id": i, "name": name} for i, name in zip(IDS, CLASSES, strict=True)]
    truth = {"images": records, "annotations": boxes, "categories": categories}
    (folder / "truth.json").write_text(json.dumps(truth))
