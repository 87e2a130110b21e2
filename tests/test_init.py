"""`anchorprune init`: what it writes, and one line for each mistake in a stranger's detector or data."""

import json
import shlex
import shutil

import pytest
import yaml
from PIL import Image
from running.command import Result
from running.pipeline import link_project, snakemake

from anchorprune.cli import main
from anchorprune.errors import UserError
from anchorprune.heads.labels import label_names
from anchorprune.pipeline.project import Project, as_yaml

torch = pytest.importorskip("torch")

from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

NAMES = ["cat", "dog"]

# A detector as people have them: inheritance, metainfo in the data sets, a head of mmdet's own.
BASE = """
_base_ = "base.py"
model = dict(bbox_head=dict(num_classes=2))
test_dataloader = dict(dataset=dict(metainfo=dict(classes=("cat", "dog"))))
"""


@pytest.fixture(scope="module")
def base() -> Config:
    """A small RetinaNet on COCO's classes, without inheritance of its own."""
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="Resize", scale=(64, 64), keep_ratio=False),
        dict(type="PackDetInputs"),
    ]
    return Config(
        dict(
            default_scope="mmdet",
            model=dict(
                type="RetinaNet",
                data_preprocessor=dict(type="DetDataPreprocessor", pad_size_divisor=1),
                backbone=dict(type="ResNet", depth=18, base_channels=8, out_indices=(2, 3), num_stages=4),
                neck=dict(type="FPN", in_channels=[32, 64], out_channels=16, num_outs=2),
                bbox_head=dict(
                    type="RetinaHead",
                    num_classes=80,
                    in_channels=16,
                    feat_channels=16,
                    stacked_convs=1,
                    anchor_generator=dict(type="AnchorGenerator", scales=[2], ratios=[0.5, 1, 2], strides=[16, 32]),
                    bbox_coder=dict(type="DeltaXYWHBBoxCoder"),
                ),
                train_cfg=None,
                test_cfg=dict(
                    nms_pre=1000,
                    min_bbox_size=0,
                    score_thr=0.05,
                    nms=dict(type="nms", iou_threshold=0.5),
                    max_per_img=100,
                ),
            ),
            test_dataloader=dict(batch_size=1, num_workers=0, dataset=dict(type="CocoDataset", pipeline=pipeline)),
        )
    )


def write_annotations(path, names=NAMES, images=("a.png", "b.png", "c.png"), ids=None):
    ids = ids or list(range(1, len(names) + 1))
    records = [{"id": i, "file_name": name, "width": 64, "height": 64} for i, name in enumerate(images)]
    boxes = [
        {"id": i + 1, "image_id": i, "category_id": ids[i % len(ids)], "bbox": [4, 4, 20, 20]}
        for i in range(len(records))
    ]
    categories = [{"id": i, "name": name} for i, name in zip(ids, names, strict=True)]
    path.write_text(json.dumps({"images": records, "annotations": boxes, "categories": categories}))


@pytest.fixture(scope="module")
def files(tmp_path_factory, base):
    """A folder with a config, a checkpoint of it, annotations and images."""
    folder = tmp_path_factory.mktemp("theirs: #1")
    base.dump(folder / "base.py")
    (folder / "config.py").write_text(BASE)
    init_default_scope("mmdet")
    model = MODELS.build(Config.fromfile(folder / "config.py").model)
    torch.save({"meta": {"epoch": 12}, "state_dict": model.state_dict()}, folder / "it's mine.pth")
    (folder / "photos").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (64, 64)).save(folder / "photos" / name)
    write_annotations(folder / "val.json")
    return folder


@pytest.fixture
def init(files, tmp_path, monkeypatch, capsys):
    """`anchorprune init` in this process: importing mmdet takes seconds."""
    monkeypatch.chdir(tmp_path)

    def run(folder=None, **changes):
        given = {
            "config": files / "config.py",
            "weights": files / "it's mine.pth",
            "annotations": files / "val.json",
            "images": files / "photos",
            **changes,
        }
        words = [word for key, value in given.items() for word in (f"--{key.replace('_', '-')}", value)]
        status = main(list(map(str, ("init", folder or tmp_path / "mine", *words))))
        return Result(status, *capsys.readouterr())

    return run


def test_one_annotation_file_is_split(init, files, tmp_path):
    done = init()
    assert done.status == 0, done.err
    assert done.json["images"] == {"prune": 3}
    assert done.json["anchors_per_level"] == [3, 3]
    text = (tmp_path / "mine/experiments.yaml").read_text()
    written = yaml.safe_load(text)
    assert written["run"] == ["mine"]
    split = {"annotations": str(files / "val.json"), "images": str(files / "photos")}
    assert written["datasets"]["mine"] == {"kind": "coco", "prune": split, "test_fraction": 0.5, "seed": 0}
    assert written["detectors"]["mine"]["weights"] == str(files / "it's mine.pth")
    assert "options" not in written["detectors"]["mine"]
    assert written["experiments"]["mine"]["retrain"] == "none"
    assert "must not share images" in text
    *words, file = shlex.split(done.err.strip().splitlines()[-1])
    assert words == ["next:", "snakemake", "--cores", "all", "--configfile"]
    assert file == str(tmp_path / "mine/experiments.yaml")


def test_three_annotation_files(init, files, tmp_path):
    for name, image in (("train", "b.png"), ("test", "c.png"), ("search", "a.png")):
        write_annotations(files / f"{name}.json", images=[image])
    done = init(
        annotations=files / "search.json",
        test_annotations=files / "test.json",
        train_annotations=files / "train.json",
        name="other",
        budget=0.5,
    )
    assert done.status == 0, done.err
    written = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())
    assert set(written["datasets"]["other"]) == {"kind", "train", "prune", "test"}
    assert written["experiments"]["other"]["budgets"] == [0.5]


def test_two_stage_detectors_are_refused(init, tmp_path):
    done = init(config="mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py")
    assert done.status == 2
    assert done.error_line == (
        "anchorprune: error: mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py: FasterRCNN is no one-stage detector "
        "(its heads are RPNHead, StandardRoIHead); supported heads are, or derive from, SSDHead, RetinaHead, "
        "YOLOV3Head, RetinaSepBNHead"
    )
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("model.bbox_head.type=FCOSHead", "head FCOSHead is not supported; supported heads are, or derive from, SSD"),
        ("model.test_cfg.nms.type=soft_nms", "'soft_nms'; the search follows plain NMS only, set it to 'nms'"),
        ("model.bbox_head.num_classes=3", "the head has 3 classes, but the config's data sets name 2; name them"),
        ("test_dataloader.dataset.pipeline.1.scale=[8,x]", "a.png: the detector fails on this image ("),
        ("model.bbox_head.stacked_convs=2", "do not fit the config: missing bbox_head.cls_convs.1.conv.weight"),
    ],
)
def test_a_detector_that_does_not_fit_is_one_line(init, tmp_path, option, line):
    done = init(option=option)
    assert done.status == 2
    assert line in done.error_line
    assert not (tmp_path / "mine").exists()


LAZY = """
from mmcv.ops import nms
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import CocoDataset
from mmdet.datasets.transforms import PackDetInputs, Resize
from mmdet.models import RetinaHead, RetinaNet
from mmdet.models.task_modules import AnchorGenerator
from mmengine.config import read_base

with read_base():
    from .base import *
model.type = RetinaNet
model.bbox_head.update(type=RetinaHead, num_classes=2)
model.bbox_head.anchor_generator.type = AnchorGenerator
model.test_cfg.nms.type = nms
test_dataloader.dataset = dict(
    type=CocoDataset,
    metainfo=dict(classes=("cat", "dog")),
    pipeline=[dict(type=LoadImageFromFile), dict(type=Resize, scale=(64, 64)), dict(type=PackDetInputs)],
)
"""


def test_overrides_are_tried_and_written(init, tmp_path):
    done = init(option="test_dataloader.dataset.pipeline.1.scale=[96,96]")  # a tuple in the config, as mmcv wants it
    assert done.status == 0, done.err
    assert done.json["boxes"] == 3 * (6 * 6 + 3 * 3)
    written = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())
    assert written["detectors"]["mine"]["options"] == {"test_dataloader.dataset.pipeline.1.scale": [96, 96]}


def test_a_config_that_imports_its_classes(init, files):
    (files / "lazy.py").write_text(LAZY)
    done = init(config=files / "lazy.py")
    assert done.status == 0, done.err
    assert done.json["anchors_per_level"] == [3, 3]


def test_a_checkpoint_of_another_class_count(init, files):
    state = torch.load(files / "it's mine.pth")["state_dict"]
    for name in ("bbox_head.retina_cls.weight", "bbox_head.retina_cls.bias"):
        state[name] = torch.cat([state[name]] * 2)
    torch.save(state, files / "other.pth")
    done = init(weights=files / "other.pth")
    assert done.status == 2
    assert "bbox_head.retina_cls.weight (12, 16, 3, 3) where the model has (6, 16, 3, 3)" in done.error_line


def test_cocos_default_names_with_another_class_count(init, files, tmp_path):
    (files / "nameless.py").write_text('_base_ = "base.py"\nmodel = dict(bbox_head=dict(num_classes=2))\n')
    done = init(config=files / "nameless.py")
    assert done.status == 2
    line = "the head has 2 classes, but the config's data sets name 80 (COCO's own); name them with --classes"
    assert line in done.error_line
    assert (
        "--classes: 3 names for a head of 2 classes" in init(config=files / "nameless.py", classes="a,b,c").error_line
    )
    done = init(config=files / "nameless.py", classes="cat, dog")
    assert done.status == 0, done.err
    written = yaml.safe_load((tmp_path / "mine/experiments.yaml").read_text())
    assert written["detectors"]["mine"]["options"] == {"anchorprune.classes": NAMES}


@pytest.mark.parametrize(
    ("annotations", "line"),
    [
        ({"names": ["cat", "cow"]}, "only the config has 'dog', only the annotations have 'cow'; give annotations of"),
        ({"names": ["cat", "dog"], "ids": [2, 1]}, "labels go 'cat', 'dog', but the categories' ids go 'dog', 'cat'"),
        ({"images": []}, "theirs.json: 'images' is empty"),
        ({"images": ["a.png", "z.png", "y.png"]}, "photos/z.png: image is missing and 1 more of 3"),
        ({"images": ["a.png"]}, "one image cannot be split; give --test-annotations"),
    ],
)
def test_annotations_that_do_not_fit_are_one_line(init, tmp_path, annotations, line):
    write_annotations(tmp_path / "theirs.json", **annotations)
    done = init(annotations=tmp_path / "theirs.json")
    assert done.status == 2
    assert line in done.error_line
    assert not (tmp_path / "mine").exists()


def test_mistaken_paths_are_one_line(init, files, tmp_path):
    assert "none.py: no such mmdet config" in init(config=files / "none.py").error_line
    assert "nowhere: no such image folder" in init(images=files / "nowhere").error_line
    assert "no such weights file" in init(weights=files / "none.pth").error_line
    assert "is in the splits" in init(test_annotations=files / "val.json").error_line
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    assert "not an empty folder" in init(tmp_path / "full").error_line
    (tmp_path / "config").mkdir()
    (tmp_path / "config/detectors.yaml").write_text("detectors: {mine: {}}")
    assert "--name 'mine' is taken by config/detectors.yaml" in init().error_line


def test_the_order_of_labels():
    listed = ["a", "b", "c"]
    assert label_names(listed, listed, listed, True) == (listed, "")
    names, note = label_names(["c", "a", "b"], listed, listed, True)  # mmdet's CocoDataset goes by the file
    assert (names, bool(note)) == (listed, True)
    with pytest.raises(UserError, match="renumber the annotations' categories"):
        label_names(["c", "a", "b"], listed, listed, False)  # its other data sets go by the config
    assert label_names(["A", "B_b", "c"], ["a", "b b", "c"], ["a", "b b", "c"], True)[0] == ["a", "b b", "c"]
    with pytest.raises(UserError, match="spelt otherwise and in another order"):
        label_names(["B", "A", "C"], listed, listed, True)
    with pytest.raises(UserError, match="only the config has 'd'; give"):
        label_names(["a", "b", "c", "d"], listed, listed, True)


def test_the_configuration_is_quoted_and_commented(tmp_path):
    odd = tmp_path / "a: b # {c}\nd"
    project = Project("n", "x y.py", odd / "w.pth", {"prune": (odd, odd), "test": (odd, odd)}, {"a.b": [1, "é"]})
    text = as_yaml(project, odd)
    written = yaml.safe_load(text)
    assert written["datasets"]["n"]["test"] == {"annotations": str(odd), "images": str(odd)}
    assert written["detectors"]["n"] == {
        "config": "x y.py",
        "weights": str(odd / "w.pth"),
        "options": {"a.b": [1, "é"]},
        "anchor_sets": {"own": {"from": "config"}},
    }


def test_snakemake_accepts_what_is_written(init, files, tmp_path):
    assert init().status == 0
    link_project(tmp_path)
    planned = snakemake(tmp_path, "--dry-run", "--configfile", "mine/experiments.yaml").stdout
    assert "\npublish " in planned and "\nretrain " not in planned and "\ntrain " not in planned
    shutil.rmtree(tmp_path / "mine")
