"""What pycocotools says of an annotation file that it reads itself: nothing of ours has touched the ground truth."""

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


def figures_of_file(annotations: Path, detections: list[dict[str, Any]]) -> dict[str, float]:
    """AP, AP50, AP75 and those of small, medium and large objects.

    Args:
        annotations: the file as its author wrote it.
        detections: COCO's results form.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(annotations))
        run = COCOeval(known, known.loadRes(json.loads(json.dumps(detections))), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(NAMES, run.stats[:6].tolist(), strict=True))


def file_with(path: Path, spoil: Callable[[dict[str, Any]], None], like: Path) -> Path:
    """Write another annotation file after `spoil` has been at it."""
    value = json.loads(like.read_text())
    spoil(value)
    path.write_text(json.dumps(value))
    return path


def plain_file(path: Path) -> Path:
    """Write an annotation file of nothing odd: 8 images, 3 categories, small and middling boxes."""
    rng = np.random.default_rng(0)
    images = [{"id": 5 * n + 3, "file_name": f"{n}.jpg", "width": 160, "height": 120} for n in range(8)]
    boxes = []
    for n in range(40):
        x, y, w, h = (int(value) for value in (*rng.integers(0, 60, 2), *rng.integers(8, 60, 2)))
        image, category = images[n % 8]["id"], int(rng.integers(1, 4))
        boxes.append({"id": n + 1, "image_id": image, "category_id": category, "bbox": [x, y, w, h]})
        boxes[-1] |= {"area": w * h * 0.75, "iscrowd": 0}
    names = [{"id": n, "name": f"class {n}"} for n in (1, 2, 3)]
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": names}))
    return path


def detections_near(annotations: Path) -> list[dict[str, Any]]:
    """Two guesses at each box of a file and one beside it, scores with ties; `anchor` 0 to 3, by ascending image id.

    Numbers are float32's, so that a predictions file holds them exactly; boxes of no or negative size are guessed at
    with boxes of no size.
    """
    rng, rows = np.random.default_rng(1), []
    for record in json.loads(annotations.read_text())["annotations"]:
        x, y, w, h = record["bbox"]
        for shift in (0, 1, 30):
            width, height = max(w + int(rng.integers(-1, 2)) * (shift > 0), 0), max(h, 0)
            score = float(np.float32(rng.integers(2, 20) / 20))
            box = [float(x + shift), float(y), float(width), float(height)]
            row = {"image_id": record["image_id"], "category_id": record["category_id"], "bbox": box, "score": score}
            rows.append({**row, "anchor": int(rng.integers(4))})
    return sorted(rows, key=lambda row: row["image_id"])
