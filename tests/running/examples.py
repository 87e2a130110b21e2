"""Made-up results whose detectors have detections on a test split with images."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from running.pruned_results import write_results

SIZE = 160, 120


def write_examples(folder: Path, names: dict[str, str], images: int, grain: int = 10) -> None:
    """Write the manifest, the results and the test split: of each image, every detector finds what noise leaves it.

    Pictures are noise of this grain, in pixels: the finer, the more bytes.
    """
    rows = write_results(folder / "results", names, ("cat", "dog"), ("baseline",))
    draw = np.random.default_rng(0)
    _write_split(folder / "data", images, draw, grain)
    truth = json.loads((folder / "data/test.json").read_text())
    for number, row in enumerate(rows):
        name = f"pruned-{row['budget']}" if row["method"] else "unpruned"
        if not row.get("control"):
            _write_detections(folder / f"results/{name}", truth, draw, noise=2 + 2 * number)
            row["files"]["detections"] = str(folder / f"results/{name}/detections.json")
        row["files"] |= {
            "reference_detections": str(folder / "results/unpruned/detections.json"),
            "data": str(folder / "data/dataset.json"),
            "test": str(folder / "data/test.json"),
        }
    (folder / "manifest.json").write_text(json.dumps(rows))


def _write_split(folder: Path, images: int, draw: np.random.Generator, grain: int) -> None:
    (folder / "images").mkdir(parents=True)
    value = {"images": [], "annotations": [], "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]}
    for i in range(images):
        picture = draw.integers(0, 256, (SIZE[1] // grain, SIZE[0] // grain, 3), np.uint8)
        Image.fromarray(picture).resize(SIZE).save(folder / f"images/{i}.png")
        value["images"].append({"id": 10 + i, "file_name": f"{i}.png", "width": SIZE[0], "height": SIZE[1]})
        for _ in range(i % 4):  # one in four shows nothing
            x, y, w, h = (float(draw.integers(low, high)) for low, high in ((0, 90), (0, 60), (20, 60), (20, 55)))
            value["annotations"].append(
                {
                    "id": len(value["annotations"]) + 1,
                    "image_id": 10 + i,
                    "category_id": int(draw.choice((3, 7))),
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": 0,
                }
            )
    (folder / "test.json").write_text(json.dumps(value))
    splits = {
        name: {"annotations": "test.json", "images": "images", "image_count": images}
        for name in ("train", "prune", "test")
    }
    (folder / "dataset.json").write_text(json.dumps({"version": 1, "splits": splits}))


def _write_detections(folder: Path, truth: dict, draw: np.random.Generator, noise: float) -> None:
    rows = []
    for one in truth["annotations"]:
        for _ in range(2):
            box = [float(value) for value in np.abs(np.array(one["bbox"]) + draw.normal(0, noise, 4))]
            score = float(draw.uniform(0.1, 1))
            rows.append({"image_id": one["image_id"], "category_id": one["category_id"], "bbox": box, "score": score})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "detections.json").write_text(json.dumps(rows))
