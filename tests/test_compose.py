"""Complete configs: schedules that stretch, learning rates that follow the batch."""

from pathlib import Path

import pytest

pytest.importorskip("torch")

from anchorprune.detectors.compose import Recipe, read_config, set_anchors, set_recipe
from anchorprune.errors import UserError

DEMO = Path(__file__).parents[1] / "config/detectors/ssd_demo.py"


@pytest.mark.parametrize(
    ("epochs", "phases"),
    [
        (9, [("LinearLR", 0, 1), ("CosineAnnealingLR", 1, 9)]),
        (36, [("LinearLR", 0, 4), ("CosineAnnealingLR", 4, 36)]),
        (3, [("CosineAnnealingLR", 0, 3)]),
        (1, [("CosineAnnealingLR", 0, 1)]),
    ],
)
def test_the_schedule_stretches_with_the_epochs(epochs, phases):
    cfg = read_config(DEMO)
    set_recipe(cfg, Recipe(epochs=epochs))
    assert cfg.train_cfg.max_epochs == epochs
    assert [(s.type, s.begin, s.end) for s in cfg.param_scheduler] == phases


def test_milestones_stretch_too():
    cfg = read_config(DEMO)
    cfg.train_cfg.max_epochs = 12
    cfg.param_scheduler = [{"type": "MultiStepLR", "by_epoch": True, "milestones": [8, 11]}]
    set_recipe(cfg, Recipe(epochs=24))
    assert cfg.param_scheduler[0]["milestones"] == [16, 22]


def test_the_learning_rate_follows_the_batch_once():
    cfg = read_config(DEMO)
    (line,) = set_recipe(cfg, Recipe(batch_size=16, learning_rate=0.002))
    assert line == "learning rate 0.002 at batch 8 scaled to 0.004 at batch 16"
    assert cfg.optim_wrapper.optimizer.lr == 0.004
    (line,) = set_recipe(cfg, Recipe())
    assert line == "learning rate 0.004 at batch 16"


def test_an_anchor_list_per_level(tmp_path):
    with pytest.raises(UserError, match="but the detector has strides"):
        set_anchors(read_config(DEMO), [8, 16], [[[1, 1]], []])
    with pytest.raises(UserError, match=r"none.py: no such mmdet config"):
        read_config(tmp_path / "none.py")
    (tmp_path / "bad.py").write_text("model = dict(")
    with pytest.raises(UserError, match=r"bad.py: not a readable mmdet config"):
        read_config(tmp_path / "bad.py")
