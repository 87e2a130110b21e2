"""What mmengine's runner needs to train a complete config, alike for every detector."""

import logging
import os
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from torch import nn

from anchorprune.detectors.mmdet.config.compose import OWN_KEY
from anchorprune.detectors.mmdet.config.pretrained import forget_pretrained
from anchorprune.detectors.mmdet.model import build
from anchorprune.detectors.mmdet.training.backbone import prepare_backbone
from anchorprune.detectors.mmdet.training.batches import make_resumable
from anchorprune.detectors.mmdet.training.checkpoint_files import newest_whole
from anchorprune.detectors.mmdet.training.checkpoint_hook import WholeCheckpointHook
from anchorprune.detectors.mmdet.training.dropout_hook import AnchorDropoutHook
from anchorprune.detectors.mmdet.training.earlier_log import earlier_losses
from anchorprune.detectors.mmdet.training.loops import ResumableTrainLoop
from anchorprune.detectors.mmdet.training.recipe import DROPOUT
from anchorprune.detectors.mmdet.weights import load_into, read_weights

LOG = logging.getLogger(__name__)


def prepare_start(cfg: Config, work: Path, initial: Path | None) -> None:
    """Name in the config what a training goes on from, or starts from; weights that it starts from are checked.

    Args:
        cfg: complete config; changed in place.
        work: folder of the checkpoints.
        initial: weights of the whole detector (fine-tuning), or None.

    Raises:
        UserError: the weights are missing, hold more than tensors or do not fit.
    """
    checkpoint = newest_whole(work)
    if checkpoint is not None:
        forget_pretrained(cfg)
        cfg.resume, cfg.load_from = True, str(checkpoint)
    elif initial is not None:
        forget_pretrained(cfg)
        load_into(build(cfg), read_weights(initial), initial)  # mmengine would pass over what does not fit
        cfg.load_from = str(initial)
    else:
        prepare_backbone(cfg, work)


def run(cfg: Config, work: Path, seed: int, processes: int) -> nn.Module:
    """Train, or go on from the config's checkpoint; returns the trained model.

    Args:
        cfg: complete config, its start prepared; changed in place.
        work: folder of the checkpoints.
        seed: of Python, NumPy and torch.
        processes: how many train together; 1 trains in this one alone.
    """
    _add_runtime(cfg, work, seed)
    _choose_precision(cfg)
    if processes > 1:
        _add_processes(cfg)
    be_deterministic()
    earlier = earlier_losses(work) if cfg.get("resume") and is_main_process() else []
    runner = Runner.from_cfg(cfg)
    resumes = f"resumes from its last checkpoint ({Path(cfg.load_from).name})" if cfg.get("resume") else "starts"
    LOG.info("%s: training %s", work.parent, resumes)
    for line in earlier:  # whoever reads this log reads of the whole training
        LOG.info("%s", line)
    model = runner.train()
    return model.module if processes > 1 else model


def be_deterministic() -> None:
    """The same input gives the same output, bit by bit, as far as torch can.

    On a GPU some operations have no deterministic form: there torch warns and goes on. mmengine's own switch would
    have it stop.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic with this only
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())


def _add_runtime(cfg: Config, work: Path, seed: int) -> None:
    """The parts of a runner that are the same for every detector."""
    cfg.work_dir = str(work)
    cfg.randomness = dict(seed=seed)
    cfg.env_cfg = {**cfg.get("env_cfg", {}), "cudnn_benchmark": False}
    cfg.val_cfg = cfg.test_cfg = cfg.val_dataloader = cfg.val_evaluator = cfg.test_evaluator = None
    cfg.pop("test_dataloader")  # a runner wants all of a test or nothing of it
    cfg.log_processor = dict(type="LogProcessor", window_size=50, by_epoch=True)
    cfg.default_hooks = ConfigDict(
        timer=dict(type="IterTimerHook"),
        logger=dict(type="LoggerHook", interval=20),
        param_scheduler=dict(type="ParamSchedulerHook"),
        checkpoint=dict(type=WholeCheckpointHook.__name__),
        sampler_seed=dict(type="DistSamplerSeedHook"),
    )
    ours = ("SeedEpochHook", "FiniteLossHook", "ProgressHook", "SpeedHook")
    hooks = [hook for hook in cfg.get("custom_hooks", []) if hook["type"] != "CheckInvalidLossHook"]
    cfg.custom_hooks = [*hooks, *(dict(type=t) for t in ours)]
    if DROPOUT in cfg.get(OWN_KEY, {}):
        cfg.custom_hooks.append(dict(type=AnchorDropoutHook.__name__, settings=cfg[OWN_KEY][DROPOUT]))
    cfg.visualizer = dict(type="Visualizer", vis_backends=[])
    make_resumable(cfg.train_dataloader)
    if cfg.train_cfg.pop("by_epoch", False) or cfg.train_cfg.get("type") == "EpochBasedTrainLoop":
        cfg.train_cfg.type = ResumableTrainLoop.__name__


def _choose_precision(cfg: Config) -> None:
    """Mixed precision in the form that this machine has."""
    wrapper = cfg.optim_wrapper
    if wrapper.get("type") == "AmpOptimWrapper" and not torch.cuda.is_available():
        LOG.info("mixed precision: bfloat16, as there is no GPU here (on one it is float16 with loss scaling)")
        own = {"loss_scale", "dtype", "use_fsdp"}
        cfg.optim_wrapper = {k: v for k, v in wrapper.items() if k not in own} | {"type": "CpuAmpOptimWrapper"}


def _add_processes(cfg: Config) -> None:
    """What several processes need: each its part of every batch, and one value of the batch norms' statistics."""
    cfg.launcher = "pytorch"
    cfg.custom_hooks = [*cfg.custom_hooks, dict(type="SyncBuffersHook")]
    if not all(cfg.model.bbox_head.anchor_generator.get("anchors", [True])):
        cfg.find_unused_parameters = True  # what leads to a level without anchors alone has no gradient
    if not torch.cuda.is_available():
        unused = cfg.get("find_unused_parameters", False)
        cfg.model_wrapper_cfg = dict(device_ids=None, broadcast_buffers=False, find_unused_parameters=unused)
