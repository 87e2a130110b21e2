"""Complete configs: anchors, and data in the place of a config's own, with all that its training does to it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

import mmdet

from anchorprune.detectors.foreign import Foreign
from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.config.compose import read_config, set_anchors
from anchorprune.detectors.mmdet.config.foreign import read_foreign, read_options
from anchorprune.detectors.mmdet.weights import read_weights
from anchorprune.errors import UserError

DEMO = Path(__file__).parents[1] / "config/detectors/ssd_demo.py"
MMDET = Path(mmdet.__file__).parent / ".mim/configs"
SSD_STEPS = ["Expand", "MinIoURandomCrop", "Resize", "RandomFlip", "PhotoMetricDistortion"]
LOADING, PACKING = ["LoadImageFromFile", "LoadAnnotations"], ["PackDetInputs"]


def test_an_anchor_list_per_level(tmp_path):
    with pytest.raises(UserError, match="but the detector has strides"):
        set_anchors(read_config(DEMO), [8, 16], [[[1, 1]], []])
    with pytest.raises(UserError, match=r"none.py: no such mmdet config"):
        read_config(tmp_path / "none.py")
    (tmp_path / "bad.py").write_text("model = dict(")
    with pytest.raises(UserError, match=r"bad.py: not a readable mmdet config"):
        read_config(tmp_path / "bad.py")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model", "--option 'model' is not KEY=VALUE"),
        ("=1", "--option '=1' is not KEY=VALUE"),
        ("a=[1, 2", r"--option 'a=\[1, 2': the value cannot be read as YAML"),
        ("a='b", '--option "a=\'b": the value cannot be read as YAML'),
        ("a={b: c: d}", "cannot be read as YAML"),
        ("model.type.depth=3", "--option model.type.depth: the config has no place for it"),
        ("train_dataloader.dataset.pipeline.99.type=x", "--option train_dataloader.*: the config has no place for it"),
    ],
)
def test_an_option_that_cannot_be_used_is_one_line(option, message):
    with pytest.raises(UserError, match=message) as error:
        read_foreign(Foreign(str(DEMO), "demo", options=(option,)))
    assert "\n" not in str(error.value)


def test_options_are_read_as_numbers():
    found = read_options(("a=5e-05", "b=[1e3, x]", "c=0.5", "d=7", "e=e5", "f='1e3'"))
    assert found == {"a": 5e-05, "b": [1000.0, "x"], "c": 0.5, "d": 7, "e": "e5", "f": "1e3"}
    cfg = read_foreign(Foreign(str(DEMO), "demo", options=("model.test_cfg.score_thr=5e-05",)))
    assert cfg.model.test_cfg.score_thr == 5e-05


def test_what_is_no_weights_file_is_called_that(tmp_path):
    for content in (b'{"a": 1}', b"", b"\xff\xd8 a photo"):
        (tmp_path / "w.json").write_bytes(content)
        with pytest.raises(UserError, match=r"w.json: is no checkpoint; give a weights file"):
            read_weights(tmp_path / "w.json")


def test_a_config_that_is_not_built_is_read_without_mmdet():
    program = (
        "import sys; sys.modules['mmdet'] = None; from anchorprune.detectors.mmdet.config.compose import read_config; "
        f"print(read_config({str(DEMO)!r}, to_build=False).model.bbox_head.type)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "PrunableSSDHead", done.stderr


BY_SHAPE = "AspectRatioBatchSampler"  # mmdet's: the images of a batch are all wide or all tall


@pytest.mark.parametrize(
    ("name", "times", "epochs", "sampler", "steps"),
    [
        ("ssd/ssd300_coco.py", 5, 24, None, SSD_STEPS),
        ("pascal_voc/ssd300_voc0712.py", 10, 24, BY_SHAPE, SSD_STEPS),
        ("retinanet/retinanet_r50_fpn_1x_coco.py", 1, 12, BY_SHAPE, ["Resize", "RandomFlip"]),
        ("retinanet/retinanet_r50_fpn_ms-640-800-3x_coco.py", 3, 12, BY_SHAPE, ["RandomResize", "RandomFlip"]),
        ("yolo/yolov3_d53_8xb8-320-273e_coco.py", 1, 273, BY_SHAPE, SSD_STEPS),
        ("yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py", 10, 30, BY_SHAPE, SSD_STEPS),
    ],
)
def test_training_data_keeps_what_the_config_does_to_it(name, times, epochs, sampler, steps):
    cfg = read_config(MMDET / name)
    before = cfg.train_dataloader.to_dict()
    compose.set_classes(cfg, ["cat", "dog"])
    compose.set_training_data(cfg, "train.json", "images")
    loader = cfg.train_dataloader
    assert loader.dataset.get("times", 1) == times
    assert cfg.train_cfg.max_epochs == epochs
    assert (loader.get("batch_sampler") or {}).get("type") == sampler
    assert loader.batch_size == before["batch_size"]
    inner = compose.innermost(loader.dataset)
    assert (inner.type, inner.ann_file, inner.metainfo.classes) == ("CocoDataset", "train.json", ("cat", "dog"))
    assert inner.filter_cfg["min_size"] == 32
    assert "datasets" not in str(loader.dataset)
    own = compose.innermost(read_config(MMDET / name).train_dataloader.dataset)
    assert inner.pipeline == own.pipeline
    assert [step.type for step in inner.pipeline] == LOADING + steps + PACKING


def test_a_second_set_of_training_data_takes_the_place_of_the_first():
    cfg = read_config(MMDET / "ssd/ssd300_coco.py")
    compose.set_classes(cfg, ["cat"])
    compose.set_training_data(cfg, "first.json", "images")
    once = cfg.train_dataloader.to_dict()
    compose.set_training_data(cfg, "first.json", "images")
    assert cfg.train_dataloader.to_dict() == once


def test_mixed_images_keep_both_pipelines():
    """MultiImageMixDataset (mosaic and its like) has a pipeline of its own around the one that loads."""
    cfg = read_config(DEMO)
    load, mix = cfg.train_dataloader.dataset.pipeline[:2], cfg.train_dataloader.dataset.pipeline[2:]
    cfg.train_dataloader.dataset = dict(type="MultiImageMixDataset", dataset=dict(pipeline=load), pipeline=mix)
    compose.set_classes(cfg, ["cat"])
    compose.set_training_data(cfg, "train.json", "images")
    dataset = cfg.train_dataloader.dataset
    assert (dataset.type, dataset.pipeline, dataset.dataset.pipeline) == ("MultiImageMixDataset", mix, load)


def test_a_repeated_data_set_is_as_many_times_as_long(tmp_path):
    """As mmdet builds it, batches by shape included."""
    import json

    from mmdet.registry import DATASETS
    from mmengine.registry import init_default_scope

    image = {"width": 60, "height": 40}
    box = {"category_id": 1, "bbox": [1, 1, 20, 20], "area": 400, "iscrowd": 0}
    truth = {
        "images": [{"id": i, "file_name": f"{i}.jpg", **image} for i in range(3)],
        "annotations": [{"id": i + 1, "image_id": i, **box} for i in range(3)],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "train.json").write_text(json.dumps(truth))
    cfg = read_config(MMDET / "ssd/ssd300_coco.py")
    compose.set_classes(cfg, ["cat"])
    compose.set_training_data(cfg, tmp_path / "train.json", tmp_path)
    init_default_scope("mmdet")
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    assert len(dataset) == 15
    assert dataset.get_data_info(14)["img_path"] == str(tmp_path / "2.jpg")
