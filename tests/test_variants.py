"""Heads derived from mmdet's: taken over where they predict alike, refused by name where not."""

import copy

import pytest

torch = pytest.importorskip("torch")

from mmdet.models.dense_heads import RetinaHead
from mmdet.registry import MODELS
from mmengine.config import Config
from oracles.mmdet_detectors import CONFIGS

from anchorprune.detectors.mmdet.config.prunable import make_prunable
from anchorprune.errors import UserError


@MODELS.register_module()
class OwnLossRetinaHead(RetinaHead):
    """A user's head: another loss, and an argument of its own."""

    def __init__(self, *args, sharpness=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.sharpness = sharpness

    def loss_by_feat(self, *args, **kwargs):
        return super().loss_by_feat(*args, **kwargs)


@MODELS.register_module()
class OwnDecodingRetinaHead(RetinaHead):
    """A user's head that predicts in its own way."""

    def forward_single(self, x):
        return super().forward_single(2 * x)


def config(name: str, kind: str | None = None, **more) -> Config:
    cfg = Config.fromfile(str(CONFIGS / name))
    cfg.model.bbox_head.update(more)
    cfg.model.bbox_head.type = kind or cfg.model.bbox_head.type
    return cfg


SAME = [
    ("pisa/retinanet-r50_fpn_pisa_1x_coco.py", None, {}),
    ("free_anchor/freeanchor_r50_fpn_1x_coco.py", None, {}),
    ("retinanet/retinanet_r50_fpn_1x_coco.py", "OwnLossRetinaHead", {"sharpness": 2.0}),
]


@pytest.mark.parametrize(("name", "kind", "more"), SAME, ids=lambda value: str(value)[:20])
def test_a_head_with_another_loss_predicts_the_same(name, kind, more, caplog):
    cfg = config(name, kind, **more)
    test_cfg = dict(train_cfg=cfg.model.train_cfg, test_cfg=cfg.model.test_cfg)
    torch.manual_seed(0)
    original = MODELS.build(dict(copy.deepcopy(cfg.model.bbox_head), **test_cfg)).eval()
    make_prunable(cfg)
    assert cfg.model.bbox_head.type == "PrunableRetinaHead"
    assert "predicts as RetinaHead; if it is trained further" in caplog.text
    ours = MODELS.build(dict(cfg.model.bbox_head, **test_cfg)).eval()
    ours.load_state_dict(original.state_dict())
    features = [torch.randn(1, 256, size, size) for size in (16, 8, 4, 2, 1)]
    with torch.no_grad():
        for mine, theirs in zip(ours(features), original(features), strict=True):
            for a, b in zip(mine, theirs, strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("fsaf/fsaf_r50_fpn_1x_coco.py", None, r"FSAFHead predicts otherwise than the RetinaHead .*forward_single"),
        (
            "retinanet/retinanet_r50_fpn_1x_coco.py",
            "OwnDecodingRetinaHead",
            r"OwnDecodingRetinaHead .*\(it has its own forward_single\)",
        ),
    ],
)
def test_a_head_that_predicts_otherwise_is_refused(name, kind, message):
    with pytest.raises(UserError, match=message):
        make_prunable(config(name, kind))
