"""COCO's figures class by class and from columns: pycocotools' own on the same files, and in little memory."""

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from anchorprune.datasets.coco import read_coco
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.coco_eval import FIGURES, coco_figures

IMAGES, CLASSES = 60, 5


def truth_file(folder) -> str:
    """Boxes of five classes, the last of which has none, some of them crowds."""
    rng = np.random.default_rng(0)
    annotations = [
        {
            "id": number,
            "image_id": int(rng.integers(1, IMAGES - 2)),  # the last images have none
            "category_id": 10 * int(rng.integers(1, CLASSES)),
            "bbox": [*map(float, rng.uniform(0, 60, 2)), *map(float, rng.uniform(3, 130, 2))],
            "iscrowd": int(rng.random() < 0.05),
        }
        for number in range(1, 300)
    ]
    for annotation in annotations:
        annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
    value = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 200, "height": 200} for i in range(1, IMAGES + 1)],
        "categories": [{"id": 10 * k, "name": f"class {k}"} for k in range(1, CLASSES + 1)],
        "annotations": annotations,
    }
    path = folder / "truth.json"
    path.write_text(json.dumps(value))
    return str(path)


def detections(truth: str) -> list[dict]:
    """Shifted boxes of the truth, many with equal scores, and others anywhere; of one class nothing is found."""
    rng = np.random.default_rng(1)
    found = [
        {**{key: a[key] for key in ("image_id", "category_id")}, "bbox": list(a["bbox"] + rng.normal(0, 4, 4))}
        for a in json.loads(Path(truth).read_text())["annotations"]
        for _ in range(2)
        if a["category_id"] != 20
    ]
    for _ in range(4000):  # more than 100 of a class on an image, too
        box = [*rng.uniform(0, 150, 2), *rng.uniform(1, 50, 2)]
        found.append({"image_id": int(rng.integers(1, 8)), "category_id": 10 * int(rng.choice((1, 3, 5))), "bbox": box})
    for one in found:
        one["bbox"] = [abs(float(side)) for side in one["bbox"]]
        one["score"] = round(float(rng.random()), 2)
    return found


@pytest.mark.parametrize("nothing", [False, True])
def test_the_figures_are_pycocotools_own(tmp_path, nothing):
    path = truth_file(tmp_path)
    found = SplitDetections.from_rows([] if nothing else detections(path))
    found.save(tmp_path / "detections.json")
    ours = coco_figures(read_coco(path), found)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(path)
        results = truth.loadRes(str(tmp_path / "detections.json")) if not nothing else COCO()
        evaluation = COCOeval(truth, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert [ours[name] for name in FIGURES] == evaluation.stats.tolist()
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    classes = [precision[:, :, k][precision[:, :, k] > -1] for k in range(CLASSES)]
    assert list(ours["per_class"].values()) == [column.mean() if len(column) else -1 for column in classes]
    assert nothing or ours["ap"] > 0.01


def test_the_file_holds_plain_rows_and_is_read_as_it_was_written(tmp_path):
    rows = detections(truth_file(tmp_path))
    SplitDetections.from_rows(rows).save(tmp_path / "detections.json")
    assert json.loads((tmp_path / "detections.json").read_text()) == rows
    assert (tmp_path / "detections.json").stat().st_size < 200 * len(rows)
    SplitDetections.from_rows([]).save(tmp_path / "none.json")
    assert json.loads((tmp_path / "none.json").read_text()) == []


MANY = """
import resource, sys
import numpy as np
from anchorprune.datasets.coco import read_coco
from anchorprune.heads.detections import SplitDetections
from anchorprune.metrics.coco_eval import coco_figures
truth, rng = read_coco(sys.argv[1]), np.random.default_rng(0)
start, count = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 60_000
found = SplitDetections(
    np.sort(rng.choice(truth.image_ids, count)), rng.choice(truth.category_ids, count).astype(np.int32),
    rng.uniform(1, 100, (count, 4)), rng.random(count),
)
found.save(sys.argv[2])
coco_figures(truth, found)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) * 1024 / count)
"""


def test_a_detection_takes_less_than_a_thousand_bytes_of_memory(tmp_path):
    """Of figures and file together; pycocotools given all at once takes 3000."""
    command = [sys.executable, "-c", MANY, truth_file(tmp_path), str(tmp_path / "detections.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1000
