"""The slow way to the same figures: mmcv's NMS, then pycocotools. What the engine must equal."""

import contextlib
import io
import warnings

import numpy as np
import pytest


def mmcv_nms():
    """torch and mmcv's batched_nms; the test skips where they are not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's, from mmcv's import
        return pytest.importorskip("torch"), pytest.importorskip("mmcv.ops").batched_nms


def coco_dict(annotations):
    """Annotations as the COCO json they came from."""
    return {
        "images": [
            {"id": image.id, "file_name": image.file_name, "width": image.width, "height": image.height}
            for image in annotations.images
        ],
        "categories": [{"id": int(i), "name": str(i)} for i in annotations.category_ids],
        "annotations": [
            {
                "id": int(annotations.ids[i]),
                "image_id": int(annotations.images[annotations.image_index[i]].id),
                "category_id": int(annotations.category_ids[annotations.category_index[i]]),
                "bbox": [float(v) for v in annotations.boxes[i]],
                "area": float(annotations.area[i]),
                "iscrowd": int(annotations.iscrowd[i]),
            }
            for i in range(len(annotations.ids))
        ],
    }


def results(image_id, category_id, score, boxes):
    """Detections as a COCO results list; corners become x y w h in float64, as in mmdet."""
    return [
        {"image_id": int(i), "category_id": int(c), "score": float(s), "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for i, c, s, (x1, y1, x2, y2) in zip(image_id, category_id, score, boxes.tolist(), strict=True)
    ]


def pycocotools_figures(annotations, found):
    """AP, AP50, AP75, APs, APm, APl of a results list."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = coco_dict(annotations)
        truth.createIndex()
        if not found:  # loadRes refuses an empty list
            detected = COCO()
            detected.dataset = {**truth.dataset, "annotations": []}
            detected.createIndex()
        else:
            detected = truth.loadRes(found)
        run = COCOeval(truth, detected, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return [float(v) for v in run.stats[:6]]


def mmdet_boxes(rows, post, kept, level_of_anchor):
    """mmdet's post-processing of one image of a detector that has only the anchors in `kept`.

    Args:
        rows: category, anchor, score, boxes of the image, in the file's order.
        post: Postprocess.
        kept: anchors.
        level_of_anchor: level of each anchor.

    Returns:
        Indices into the image's rows, best score first.
    """
    torch, batched_nms = mmcv_nms()
    category, anchor, score, boxes = rows
    pools = category if post.nms_pre_per == "class" else np.asarray(level_of_anchor)[anchor]
    usable = np.isin(anchor, list(kept)) & (score > np.float32(post.score_threshold))
    chosen = []
    for pool in np.unique(pools):
        index = np.flatnonzero(usable & (pools == pool))
        index = index[np.argsort(-score[index], kind="stable")]
        chosen.extend(index if post.nms_pre is None else index[: post.nms_pre])
    # Ascending, so that the stable sort below leaves ties in the file's order.
    index = np.sort(np.array(chosen, np.int64))
    if post.min_size >= 0:
        size = boxes[index, 2:] - boxes[index, :2]
        index = index[(size > post.min_size).all(1)]
    if not len(index):
        return index
    index = index[np.argsort(-score[index], kind="stable")]
    # Falling scores without ties in the same order, since mmcv's own sort does not promise to be stable.
    falling = torch.arange(len(index), 0, -1, dtype=torch.float32)
    config = {"type": "nms", "iou_threshold": post.nms_iou, "class_agnostic": post.class_agnostic}
    _, left = batched_nms(torch.from_numpy(boxes[index]), falling, torch.from_numpy(category[index]).long(), config)
    left = left.numpy()
    return index[left if post.max_per_image < 0 else left[: post.max_per_image]]


def reference_detections(candidates, post, kept, head):
    """The kept rows of a predictions file, by image, then falling score."""
    edges = np.flatnonzero(np.diff(candidates.image_id)) + 1
    parts = []
    for index in np.split(np.arange(len(candidates.image_id)), edges):
        rows = (
            candidates.category_id[index],
            candidates.anchor[index],
            candidates.score[index],
            candidates.boxes[index],
        )
        parts.append(index[mmdet_boxes(rows, post, kept, head.level_of_anchor)])
    return np.concatenate(parts)
