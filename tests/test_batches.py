"""Batches of an epoch from any of them on: those of mmengine's own loader, and augmented alike wherever one starts."""

import json

import pytest
from oracles.generate import make
from oracles.reference import coco_dict

torch = pytest.importorskip("torch")

import numpy as np
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from PIL import Image

from anchorprune.detectors.mmdet.quiet import import_mmdet
from anchorprune.detectors.mmdet.training.batches import make_resumable

import_mmdet()


@pytest.fixture
def loader(tmp_path):
    """The config of a loader: thirteen images, wide and tall ones in batches of their own, each twice in an epoch."""
    init_default_scope("mmdet")
    value = coco_dict(make(4, images=13, boxes=3)[0])
    for i, image in enumerate(value["images"]):
        image.update(file_name=f"{i}.png", width=64 + i % 2, height=65 - i % 2)
        pixels = np.random.default_rng(i).integers(0, 255, (image["height"], image["width"], 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / image["file_name"])
    (tmp_path / "a.json").write_text(json.dumps(value))
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="LoadAnnotations", with_bbox=True),
        dict(type="RandomFlip", prob=0.5),
        dict(type="PhotoMetricDistortion"),
        dict(type="PackDetInputs"),
    ]
    names = tuple(category["name"] for category in value["categories"])
    dataset = dict(
        type="CocoDataset",
        ann_file=str(tmp_path / "a.json"),
        data_prefix=dict(img=str(tmp_path)),
        metainfo=dict(classes=names),
        pipeline=pipeline,
    )
    return ConfigDict(
        batch_size=3,
        num_workers=2,
        persistent_workers=True,
        sampler=dict(type="DefaultSampler", shuffle=True),
        batch_sampler=dict(type="AspectRatioBatchSampler"),
        dataset=dict(type="RepeatDataset", times=2, dataset=dataset),
    )


def images(batches):
    return [[sample.img_id for sample in batch["data_samples"]] for batch in batches]


@pytest.mark.parametrize("grouped", [True, False])
def test_they_are_mmengines_own(loader, grouped):
    if not grouped:
        loader.batch_sampler = None
        loader.drop_last = True
    own = Runner.build_dataloader(loader, seed=5)
    own.sampler.set_epoch(2) if not grouped else own.batch_sampler.sampler.set_epoch(2)
    expected = images(own)
    make_resumable(loader)
    ours = Runner.build_dataloader(loader, seed=5)
    ours.batch_sampler.sampler.set_epoch(2)
    assert len(ours) == len(own)
    assert images(ours) == expected
    ours.batch_sampler.passed = 3
    assert images(ours) == expected[3:]


def test_samples_do_not_depend_on_workers_or_the_start(loader):
    make_resumable(loader)
    two = Runner.build_dataloader(loader, seed=5)
    two.batch_sampler.seed = 11
    whole = [batch["inputs"] for batch in two]
    two.batch_sampler.seed = 12
    assert not torch.equal(next(iter(two))["inputs"][0], whole[0][0])  # persistent workers, another epoch's seed
    loader.num_workers = 1
    one = Runner.build_dataloader(loader, seed=6)
    one.batch_sampler.sampler.seed = 5
    one.batch_sampler.seed, one.batch_sampler.passed = 11, 4
    rest = [batch["inputs"] for batch in one]
    assert len(rest) == len(whole) - 4 > 2
    for a, b in zip(rest, whole[4:], strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_pipeline_exchanged_by_a_hook_is_the_data_sets_own(loader):
    loader.dataset = loader.dataset.dataset
    make_resumable(loader)
    dataset = Runner.build_dataloader(loader, seed=5).dataset
    dataset.pipeline = lambda info: info["img_id"]
    assert dataset[3, 0] == dataset.get_data_info(3)["img_id"]
    assert dataset.metainfo["classes"]
