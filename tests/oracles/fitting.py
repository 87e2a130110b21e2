"""Detectors that detect something, without a download: heads fitted to a few images by some steps of their own loss."""

import itertools
from collections.abc import Iterable

import torch
from mmdet.models.backbones import SSDVGG
from mmdet.models.dense_heads import RetinaHead
from mmdet.structures.bbox import get_box_tensor
from mmengine.config import Config

from anchorprune.detectors.mmdet.detector import MmdetDetector
from anchorprune.detectors.mmdet.model import build, describe


def fresh(cfg: Config) -> MmdetDetector:
    """A detector of a config, initialised so that what it makes of images differs from image to image."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build(cfg)
    model.init_weights()
    if isinstance(model.backbone, SSDVGG):  # no batch norm takes the pixels' range, 0 to 255, out of the features
        model.backbone.features[0].weight.data /= 64
    if isinstance(model.bbox_head, RetinaHead):  # its initialisation lets random features fade from layer to layer
        for layer in (*model.bbox_head.cls_convs, *model.bbox_head.reg_convs):
            torch.nn.init.kaiming_normal_(layer.conv.weight)
    model.eval()
    return MmdetDetector(cfg, model, describe(cfg, model))


def training_batch(prepared: Iterable[dict]) -> dict:
    """Images with their boxes as one batch, padded to the largest."""
    batches = list(prepared)
    height, width = (max(batch["inputs"].shape[axis] for batch in batches) for axis in (2, 3))
    images = [batch["inputs"] for batch in batches]
    padded = [torch.nn.functional.pad(i, (0, width - i.shape[3], 0, height - i.shape[2])) for i in images]
    samples = [sample for batch in batches for sample in batch["data_samples"]]
    for sample in samples:  # the test pipeline leaves the truth in pixels of the original
        scale = torch.tensor(sample.scale_factor).repeat(2)
        sample.gt_instances.bboxes = get_box_tensor(sample.gt_instances.bboxes) * scale
    return {"inputs": torch.cat(padded), "data_samples": samples}


def calibrate(detector: MmdetDetector, inputs: torch.Tensor) -> None:
    """Set the batch norms' statistics from these images, as a trained detector's are."""
    norms = [m for m in detector.model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = None  # the plain mean over the batches seen
        norm.reset_running_stats()
    if norms:
        with torch.no_grad():
            detector.model.bbox_head(detector.model.extract_feat(inputs))
    for norm in norms:
        norm.eval()


def fit(detector: MmdetDetector, batch: dict, steps: int, learning_rate: float) -> list[float]:
    """Fit the head to a batch's boxes; the loss of each step."""
    head = detector.model.bbox_head
    truths = [sample.gt_instances for sample in batch["data_samples"]]
    metas = [sample.metainfo for sample in batch["data_samples"]]
    with torch.no_grad():
        features = detector.model.extract_feat(batch["inputs"])
    optimizer = torch.optim.Adam(head.parameters(), learning_rate)
    losses = []
    for _ in range(steps):
        parts = head.loss_by_feat(*head(features), truths, metas).values()
        loss = sum(itertools.chain.from_iterable(p if isinstance(p, list | tuple) else [p] for p in parts))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 10)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses
