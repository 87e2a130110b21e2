"""A small split made up, with detections, and what pycocotools says of it and of resamples of its images."""

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def small_split(rng, images=12):
    """COCO's annotations: two categories, three boxes an image."""
    boxes = np.column_stack([rng.uniform(0, 300, (3 * images, 2)), rng.uniform(20, 120, (3 * images, 2))])
    return {
        "images": [{"id": i + 1, "file_name": f"{i}.png", "width": 640, "height": 480} for i in range(images)],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": n + 1, "image_id": n // 3 + 1, "category_id": 1 + n % 2, "bbox": box, "area": box[2] * box[3]}
            | {"iscrowd": 0}
            for n, box in enumerate(boxes.tolist())
        ],
    }


def detections_of(split, rng, spread):
    """Two detections for each box, off by `spread` of its width."""
    found = []
    for annotation in [*split["annotations"]] * 2:
        box = np.array(annotation["bbox"]) + rng.normal(0, spread, 4) * annotation["bbox"][2]
        row = {name: annotation[name] for name in ("image_id", "category_id")}
        found.append({**row, "bbox": np.maximum(box, 1).tolist(), "score": float(rng.random())})
    return found


def pycocotools_ap(split, found, times=None):
    """COCO's AP; `times`: how often each image is drawn, each time as an image of its own."""
    times = np.ones(len(split["images"]), int) if times is None else times
    images, annotations, detected = [], [], []
    for image in np.repeat(np.arange(1, 1 + len(times)), times).tolist():
        images.append({"id": len(images) + 1, "width": 640, "height": 480})
        for row in (one for one in split["annotations"] if one["image_id"] == image):
            annotations.append({**row, "image_id": len(images), "id": len(annotations) + 1})
        detected += [{**row, "image_id": len(images)} for row in found if row["image_id"] == image]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {**split, "images": images, "annotations": annotations}
        truth.createIndex()
        run = COCOeval(truth, truth.loadRes(detected), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0])
