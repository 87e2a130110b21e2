"""The usual way to score a subset: mmcv's batched_nms image by image, then a COCO evaluation."""

import contextlib
import io
import json
import tempfile
import time
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.datasets.annotations import Annotations
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring import Scorer


def kept_boxes(predictions: Predictions, kept: Sequence[int]) -> tuple[list[tuple], float]:
    """(image_id, category_id, score, corners) arrays of each image after mmcv's NMS, and the seconds it took.

    Each level's best `nms_pre` enter it, as in mmdet's heads; choosing them is not counted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from mmcv.ops import batched_nms

    rows, post, level = predictions.load(), predictions.postprocess, np.array(predictions.head.level_of_anchor)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(rows.image_id)) + 1, [len(rows.image_id)]])
    images, config = [], {"type": "nms", "iou_threshold": post.nms_iou}
    for first, end in pairwise(starts):
        use = np.flatnonzero(np.isin(rows.anchor[first:end], list(kept))) + first
        use = best_of_levels(level[rows.anchor[use]], rows.score[use], post.nms_pre, use)
        arrays = (torch.from_numpy(a[use]) for a in (rows.boxes, rows.score, rows.category_id))
        images.append((rows.image_id[first], *arrays))
    found, start = [], time.perf_counter()
    for image_id, boxes, scores, labels in images:
        if len(boxes):
            detections, index = batched_nms(boxes, scores, labels, config)
            detections, index = detections[: post.max_per_image], index[: post.max_per_image]
            found.append((image_id, labels[index].numpy(), detections[:, 4].numpy(), detections[:, :4].numpy()))
    return found, time.perf_counter() - start


def best_of_levels(level: np.ndarray, score: np.ndarray, limit: int | None, index: np.ndarray) -> np.ndarray:
    """What is in `index`, in its order, but of each level the best `limit` by score alone."""
    if limit is None:
        return index
    turn = np.lexsort((-score, level))
    _, first, size = np.unique(level[turn], return_index=True, return_counts=True)
    within = np.arange(len(turn)) - np.repeat(first, size) < limit
    return index[np.sort(turn[within])]


def results(found: list[tuple]) -> list[dict[str, Any]]:
    """A COCO results list."""
    listed = []
    for image_id, category, score, boxes in found:
        corners = boxes.astype(np.float64)
        corners[:, 2:] -= corners[:, :2]
        for c, s, b in zip(category.tolist(), score.tolist(), corners.tolist(), strict=True):
            listed.append({"image_id": int(image_id), "category_id": c, "score": s, "bbox": b})
    return listed


def coco_dict(truth: Annotations) -> dict[str, Any]:
    """Annotations in COCO's own form."""
    columns = (truth.ids, truth.image_index, truth.category_index, truth.boxes, truth.area, truth.iscrowd)
    return {
        "info": {},
        "images": [
            {"id": int(i.id), "file_name": i.file_name, "width": i.width, "height": i.height} for i in truth.images
        ],
        "categories": [{"id": int(c), "name": str(c)} for c in truth.category_ids],
        "annotations": [
            {
                "id": int(i),
                "image_id": int(truth.images[image].id),
                "category_id": int(truth.category_ids[category]),
                "bbox": box.tolist(),
                "area": float(area),
                "iscrowd": int(crowd),
            }
            for i, image, category, box, area, crowd in zip(*columns, strict=True)
        ],
    }


def evaluate(module: Any, truth: dict[str, Any], listed: list[dict[str, Any]], folder: Path) -> tuple[float, float]:
    """AP and the seconds it took, by pycocotools or a library of the same form; loading ground truth not counted."""
    coco, evaluator = module
    # A file is the one way both libraries read ground truth.
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=folder) as file:
        json.dump(truth, file)
        file.flush()
        annotations = coco(file.name)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        run = evaluator(annotations, annotations.loadRes(listed), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return float(run.stats[0]), time.perf_counter() - start


def measure(
    predictions: Predictions,
    truth: Annotations,
    scorer: Scorer,
    kept: Sequence[int],
    runs: int,
    folder: Path,
    names: Sequence[str],
) -> dict[str, Any]:
    """Seconds a subset takes the usual way, and how far its AP is from the engine's, by the libraries of `names`."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    modules = {"pycocotools": (COCO, COCOeval)}
    with contextlib.suppress(ImportError):
        import hotcoco

        modules["hotcoco"] = (hotcoco.COCO, hotcoco.COCOeval)
    with contextlib.suppress(ImportError):
        import ultrafast_pycocotools

        modules["ultrafast-pycocotools"] = (ultrafast_pycocotools.COCO, ultrafast_pycocotools.COCOeval)
    modules = {name: module for name, module in modules.items() if name in names}
    out: dict[str, Any] = {"mmcv_nms": []}
    dictionary = coco_dict(truth)
    for _ in range(runs):
        found, seconds = kept_boxes(predictions, kept)
        out["mmcv_nms"].append(seconds)
        listed = results(found)
        for name, module in modules.items():
            with contextlib.redirect_stdout(io.StringIO()):
                ap, more = evaluate(module, dictionary, listed, folder)
            out.setdefault(f"mmcv_{name}", []).append(seconds + more)
            out[f"ap_difference_{name}"] = ap - scorer.ap(kept)
    return out
