"""How true a latency table is, and how fast the published layouts are: `python -m bench.latency --output FOLDER`.

On SSD300-VGG16 at 300x300 with the paper's layouts A to D. No weights are needed: those of the backbone stay as they
are initialised, and the head is given some whose scores on real images spread like a trained head's, since NMS takes
as long as the scores make it. Real images are read from --images.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import mmdet
import numpy as np
import onnx
import torch
from mmengine.config import Config
from onnx import numpy_helper

from anchorprune.anchors.anchor_order import permutation, published_ssd300
from anchorprune.deploy.latency.device import facts
from anchorprune.deploy.latency.rounds import time_together
from anchorprune.deploy.latency.speedups import compare, markdown
from anchorprune.deploy.latency.table_export import measure_here
from anchorprune.deploy.onnx.finish import finish
from anchorprune.deploy.onnx.images import prepare
from anchorprune.deploy.onnx.metadata import InputForm
from anchorprune.deploy.onnx.models import IMAGES, part
from anchorprune.deploy.onnx.session import session
from anchorprune.deploy.sample import images_of_folder
from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.detectors.mmdet.detector import MmdetDetector
from anchorprune.detectors.mmdet.export import coding_of, export, level_outputs
from anchorprune.detectors.mmdet.model import build, describe, postprocess
from anchorprune.detectors.timing import export_table, timed, timed_layout
from anchorprune.files import write_json
from anchorprune.heads.cost import cost
from anchorprune.heads.latency_table import LatencyTable
from anchorprune.heads.layout import Layout

CONFIG = Path(mmdet.__path__[0]) / ".mim/configs/ssd/ssd300_coco.py"
IMAGES_HERE = Path(__file__).parents[1] / "../shared/data/coco2017_subset/val2017"
OPSET = 18
# Removed anchors in the paper's order. Source: Bonnaerens et al., CVIU 221 (2022) 103445, and its public results.
A = {5, 7, 13, 16, 17, 19, 22, 25, 26, 27, 28}
REMOVED = {
    "A": A,
    "B": A | {1, 2},
    "C": A | {1, 2, 3, 8},
    "D": {0, 1, 2, 3, 5, 6, 7, 8, 13, 16, 17, 19, 20, 22, 25, 26, 27, 28},
}
# Of random weights: (pixel, class) pairs above 0.02 after softmax, an image, like a trained SSD300's few thousand.
CANDIDATES = 3000


def ssd300(images: list[Path]) -> MmdetDetector:
    """SSD300-VGG16 with lively random weights."""
    cfg = Config.fromfile(str(CONFIG))
    cfg[OWN_KEY] = {"head": "ssd300-vgg16", "input_size": (300, 300), "classes": [str(i) for i in range(80)]}
    make_prunable(cfg)
    torch.manual_seed(0)
    model = build(cfg)
    model.init_weights()
    model.backbone.features[0].weight.data /= 64  # no batch norm takes the pixels' range, 0 to 255, out of the features
    model.eval()
    detector = MmdetDetector(cfg, model, describe(cfg, model))
    enliven(detector, images)
    return detector


@torch.no_grad()
def enliven(detector: MmdetDetector, images: list[Path]) -> None:
    """Scale each level's logits and deltas to a spread of 1, then raise the background until few pairs are left."""
    model, form = detector.model, InputForm(300, 300, False, (0.0, 0.0, 0.0))
    pixels = np.concatenate([prepare(path, form).pixels for path in images])
    features = model.extract_feat(torch.from_numpy(pixels) - 120)
    for layers in (model.bbox_head.cls_convs, model.bbox_head.reg_convs):
        for layer, feature in zip(layers, features, strict=True):
            torch.nn.init.normal_(layer[-1].weight)
            layer[-1].weight /= layer(feature).std()
    logits = [m.permute(0, 2, 3, 1).reshape(-1, 81) * 2 for m in model.bbox_head(features)[0]]
    for layer in model.bbox_head.cls_convs:
        layer[-1].weight *= 2
    logits = torch.cat(logits)
    low, high = 0.0, 20.0
    for _ in range(20):  # bisection
        background = (low + high) / 2
        logits[:, 80] += background
        count = int((logits.softmax(1)[:, :80] > 0.02).sum()) / len(images)
        logits[:, 80] -= background
        low, high = (background, high) if count > CANDIDATES else (low, background)
    for layer in model.bbox_head.cls_convs:
        layer[-1].bias.view(-1, 81)[:, 80] += background


def published_layout(detector: MmdetDetector, removed: set[int]) -> Layout:
    """A layout of the paper, which numbers the anchors of a level in another order than mmdet."""
    ours = [level.anchors for level in detector.head.levels]
    order = permutation(published_ssd300(), ours, 0.5)
    starts = np.cumsum([0, *(len(level) for level in ours)])
    number = {int(starts[i] + p): int(starts[i] + j) for i, level in enumerate(order) for j, p in enumerate(level)}
    return Layout.drop(detector.head, [number[i] for i in removed])


def random_layouts(detector: MmdetDetector, count: int) -> list[Layout]:
    """Layouts of all sizes."""
    generator = np.random.default_rng(1)
    anchors = detector.head.num_anchors
    sizes = generator.integers(2, anchors + 1, count)
    return [Layout.keep(detector.head, generator.permutation(anchors)[:size].tolist()) for size in sizes]


def table_against_layouts(detector: MmdetDetector, images: list[Path], given: Any) -> dict[str, Any]:
    """Predicted and measured milliseconds of head, decoding and NMS of random layouts, each exported as it is."""
    export = partial(export_table, detector, images, opset=OPSET)
    found = measure_here(export, given.threads, given.rounds, given.clock)
    write_json(given.output / "latency-table.json", found)
    table = LatencyTable.load(given.output / "latency-table.json", detector.head)
    layouts = random_layouts(detector, given.layouts)
    models = export(detector, OPSET, {"anchorprune": "bench", "commit": None})
    features = features_of(models, images)
    calls = {}
    for number, layout in enumerate(layouts):
        head, tail = layout_calls(detector, models, layout, features, given.threads)
        calls |= {f"{number} head": head, f"{number} finish": tail}
    times = time_together(calls, given.rounds, "layouts", given.clock)
    rows = []
    for number, layout in enumerate(layouts):
        measured = times[f"{number} head"].median + times[f"{number} finish"].median
        predicted = table.predict(layout)
        rows.append(
            {
                "kept": list(layout.kept),
                "predicted": predicted,
                "measured": measured,
                "head": times[f"{number} head"].median,
                "finish": times[f"{number} finish"].median,
                "error": predicted / measured - 1,
            }
        )
    return {"layouts": rows, "largest_error": max(abs(row["error"]) for row in rows)}


def features_of(models: Any, images: list[Path]) -> list[dict[str, np.ndarray]]:
    """Each image's features by name."""
    model, names = session(models.features), models.feature_names
    pixels = [prepare(path, models.metadata.input).pixels for path in images]
    return [dict(zip(names, model.run(names, {IMAGES: one}), strict=True)) for one in pixels]


def layout_calls(detector: MmdetDetector, models: Any, layout: Layout, features: list, threads: int) -> list:
    """A layout's head, and its decoding and NMS, on the features and raw outputs of real images."""
    coding, levels = coding_of(detector), level_outputs(detector)
    kept = [(level, list(anchors)) for level, anchors in zip(levels, layout.kept_per_level, strict=True) if anchors]
    names = [name for level, _ in kept for name in level.names]
    model = part(models.head, [f"feature_{level.names[0].split('_')[1]}" for level, _ in kept], names)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for level, anchors in kept:
        for name, width in zip(level.names, coding.channels, strict=True):
            last = next(node for node in model.graph.node if name in node.output)
            channels = [a * width + i for a in anchors for i in range(width)]
            for place, value in enumerate(last.input[1:], 1):  # levels may share a constant, so each gets its own
                last.input[place] = f"{name}/{place}"
                shorter = weights[value][channels].copy()
                model.graph.initializer.append(numpy_helper.from_array(shorter, last.input[place]))
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"channels_{output.name}"
    onnx.checker.check_model(model)
    head = session(model, threads)
    feeds = [{value.name: image[value.name] for value in model.graph.input} for image in features]
    raw = [dict(zip(names, head.run(names, feed), strict=True)) for feed in feeds]
    chosen = [level.only(anchors) for level, anchors in kept]
    tail = session(finish(chosen, coding, postprocess(detector.config), OPSET), threads)
    return [
        lambda i, run=run, given=given: run.run(None, given[i % len(given)])
        for run, given in ((head, feeds), (tail, raw))
    ]


def published(detector: MmdetDetector, images: list[Path], given: Any) -> None:
    """Write `latency.json` and `latency.md`: the detector and the paper's four layouts."""
    detectors = [timed("full", detector, OPSET)]
    for name, removed in REMOVED.items():
        detectors.append(timed_layout(name, detector, published_layout(detector, removed), OPSET))
    output = given.output / "latency.json"
    found = compare(detector.head.name, detectors, images, given.threads, given.rounds, given.clock, output)
    print(markdown(found))


def published_heads(detector: MmdetDetector, images: list[Path], given: Any) -> dict[str, Any]:
    """Milliseconds of head, decoding and NMS alone, of the detector and the paper's four layouts."""
    models = export(detector, OPSET, {"anchorprune": "bench", "commit": None})
    features = features_of(models, images)
    layouts = {"full": Layout.full(detector.head)}
    layouts |= {name: published_layout(detector, removed) for name, removed in REMOVED.items()}
    calls = {}
    for name, layout in layouts.items():
        head, tail = layout_calls(detector, models, layout, features, given.threads)
        calls |= {f"{name} head": head, f"{name} finish": tail}
    times = time_together(calls, given.rounds, "published layouts", given.clock)
    rows = []
    for name, layout in layouts.items():
        parts = {part: times[f"{name} {part}"].to_dict() for part in ("head", "finish")}
        rows.append({"name": name, "cost": cost(layout).to_dict(), **parts})
    return {"detectors": rows, **facts(given.threads, given.rounds, len(images), given.clock)}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("results/bench"), help="folder (%(default)s)")
    parser.add_argument("--images", type=Path, default=IMAGES_HERE, help="folder of real images (%(default)s)")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--layouts", type=int, default=20, help="random ones the table is tried on")
    parser.add_argument("--only", choices=("table", "heads", "published"))
    parser.add_argument("--cpu-time", action="store_true", help="of a machine others use too; with --threads 1")
    given = parser.parse_args()
    given.clock = time.process_time if given.cpu_time else time.perf_counter
    given.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    images = images_of_folder(given.images, given.count)
    detector = ssd300(images)
    if given.only == "heads":
        found = published_heads(detector, images, given)
        write_json(given.output / "latency-heads.json", found)
        print(json.dumps(found, indent=1))
    if given.only in (None, "table"):
        found = {
            **table_against_layouts(detector, images, given),
            **facts(given.threads, given.rounds, len(images), given.clock),
        }
        write_json(given.output / "latency-table-check.json", found)
        print(json.dumps({key: value for key, value in found.items() if key != "layouts"}))
        for row in found["layouts"]:
            times = f"{row['measured']:8.2f} ms, predicted {row['predicted']:8.2f} ms, {row['error']:+.1%}"
            print(f"{len(row['kept']):3} anchors {times}")
    if given.only in (None, "published"):
        published(detector, images, given)


if __name__ == "__main__":
    main()
