"""The paper's experiments: every detector can be built as configured, and its fixed layouts are the published ones."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from anchorprune.anchors.anchor_sets import expand_anchors
from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.pipeline import resources
from anchorprune.pipeline.arguments import detector_arguments
from anchorprune.pipeline.experiments import plan

pytest.importorskip("torch")

ROOT = Path(__file__).parents[1]
FILES = [ROOT / f"config/{name}.yaml" for name in ("datasets", "detectors", "experiments")]
CONFIG = {key: value for file in FILES for key, value in yaml.safe_load(file.read_text()).items()}
PLAN = plan(CONFIG, ROOT / "config/schemas/experiments.schema.yaml")
SETS = [(detector, name) for detector, value in PLAN.config["detectors"].items() for name in value["anchor_sets"]]


def published(detector):
    with (ROOT / "config/published/results.csv").open() as stream:
        return [row for row in csv.DictReader(stream) if row["detector"] == detector]


@pytest.fixture(scope="module")
def head_of(tmp_path_factory):
    """The head of a configured detector, built as `anchorprune train` builds it."""
    from anchorprune.detectors.foreign import Foreign
    from anchorprune.detectors.mmdet.config.foreign import read_foreign
    from anchorprune.detectors.mmdet.model import build, describe

    folder = tmp_path_factory.mktemp("anchors")

    def made(detector, name):
        value = PLAN.anchor_set(detector, name)
        file = folder / f"{detector}-{name}.json"
        file.write_text("{}" if "from" in value else json.dumps(expand_anchors(value)))
        config, _, backend, *options = detector_arguments(PLAN.config["detectors"][detector], None)
        assert backend == "mmdet"
        cfg = read_foreign(Foreign(config, detector, None, None if "from" in value else file, tuple(options[1::2])))
        return describe(cfg, build(cfg).eval())

    return made


@pytest.mark.parametrize(("detector", "name"), SETS, ids="-".join)
def test_every_anchor_set_fits_its_detector(head_of, detector, name):
    head = head_of(detector, name)
    assert head.num_anchors > 0
    for layout in PLAN.anchor_set(detector, name)["layouts"].values():
        indices = layout.get("drop", layout.get("keep"))
        assert max(indices) < head.num_anchors


# Seconds per iteration on 8 V100, of mmdet 1.x's model zoo; others are at least as fast as SSD300, 250 images a second.
SECONDS = {"ssd300": 0.256, "ssd300-voc": 0.256, "ssd512": 0.412, "retinanet-r50": 0.353}
TRAINED = sorted({PLAN.config["experiments"][name]["detector"] for name in PLAN.config["groups"]["paper"]})


@pytest.mark.parametrize("detector", TRAINED)
def test_the_papers_detectors_ask_for_the_gpus_and_hours_of_their_recipes(detector):
    """As mmdet's own config has them: the batch that its rate is meant for, its loaders, its iterations."""
    from mmengine.hub import get_config

    value = PLAN.config["detectors"][detector]
    cfg = get_config(value["config"])
    loader = cfg.train_dataloader
    batch = loader.batch_size * value["training"]["gpus"]
    assert batch == cfg.auto_scale_lr.base_batch_size
    assert value["training"]["workers"] == value["finetuning"]["workers"] == loader.num_workers
    images = 16551 if detector == "ssd300-voc" else 117266
    iterations = cfg.train_cfg.max_epochs * loader.dataset.get("times", 1) * images / batch
    hours = iterations * SECONDS.get(detector, batch / 250) / 3600
    assert value["hours"]["training"] == pytest.approx(hours, rel=0.12)
    for mode, share in (("scratch", 1), ("finetune", 8 / 24 if detector == "ssd300" else 1)):
        asked = resources.amount(value, "retrain", "runtime", 1, mode) / 60
        assert 1.3 * share * hours < asked < 1.8 * share * hours
        assert resources.gpus(resources.recipe_of(value, mode), 0) == value["hours"]["gpus"] == 8
    alone = resources.with_gpus(value, 1)
    assert resources.amount(alone, "train", "runtime") == 8 * resources.amount(value, "train", "runtime")
    for stage in ("predict", "search", "evaluate", "deploy"):
        assert resources.amount(value, stage, "mem_mb") > 3000


def test_ssd300_has_the_published_costs_and_layouts(head_of):
    head, rows = head_of("ssd300", "baseline"), published("ssd300_vgg16")
    full = cost(Layout.full(head))
    assert (full.macs, full.boxes) == (int(rows[0]["head_macs"]), int(rows[0]["boxes"]))
    layouts = PLAN.anchor_set("ssd300", "baseline")["layouts"]
    for row in rows[1:]:
        drop = layouts["-".join(filter(None, (row["configuration"], row["variant"])))]["drop"]
        assert drop == [int(index) for index in row["removed_anchors"].split()]
        found = cost(Layout.drop(head, drop))
        assert (found.macs, found.boxes) == (int(row["head_macs"]), int(row["boxes"]))
        assert "/".join(map(str, found.anchors_per_level)) == row["anchors_per_level"]


def test_the_front_of_ssd300_has_the_published_costs(head_of):
    head = head_of("ssd300", "baseline")
    with (ROOT / "config/published/ssd300_search_front.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 54
    for row in rows:
        found = cost(Layout.drop(head, map(int, row["removed_anchor_indices"].split())))
        assert (found.macs, found.boxes) == (int(row["head_MACs"]), int(row["boxes"]))


def test_retinanet_has_the_published_costs(head_of):
    head = head_of("retinanet-r50", "baseline")
    baseline, pruned = published("retinanet_r50_fpn_1x")
    drop = PLAN.anchor_set("retinanet-r50", "baseline")["layouts"]["pruned"]["drop"]
    for row, layout in ((baseline, Layout.full(head)), (pruned, Layout.drop(head, drop))):
        found = cost(layout)
        assert round(found.macs, -9) == float(row["head_macs"])
        assert "/".join(map(str, found.anchors_per_level)) == row["anchors_per_level"]
    assert (head.keep_ratio, head.center) == (True, 0.0)
    assert Head.from_dict(head.to_dict()) == head
    # What the pruned detector drops on P4 to P7: the square of octave scale 2^(2/3), 4 x 2^(2/3) strides wide.
    for level, index in zip(head.levels[1:], drop[9:], strict=True):
        width, height = level.anchors[index % 9]
        assert width == height == pytest.approx(4 * 2 ** (2 / 3) * level.stride, abs=1e-3)


def test_the_overanchorized_set_has_at_least_twice_the_anchors_on_every_level(head_of):
    baseline, over = head_of("ssd300", "baseline"), head_of("ssd300", "overanchorized")
    for few, many in zip(baseline.levels, over.levels, strict=True):
        assert len(many.anchors) >= 2 * len(few.anchors)
