"""A detector as plain torchvision: its weights, and a file that builds its network with torchvision alone."""

import inspect
from pathlib import Path

from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.networks import relative_anchors
from anchorprune.detectors.torchvision.reshaped import reshape
from anchorprune.files import whole_file
from anchorprune.heads.head import Head

BUILD = "build.py"
_TEXT = '''\
"""{architecture} of torchvision with {count} anchors; `build("weights.pth")` needs torch and torchvision alone."""

from collections import OrderedDict

import torch
from torchvision.models.detection import {architecture}

CLASSES = {classes}  # by the model's labels
LEVELS = {levels}
ANCHORS = {anchors}  # (w, h) of each level's, in sizes of the input


def build(weights):
    """The detector with its weights, in evaluation mode."""
    model = {architecture}(weights=None, weights_backbone=None, num_classes={outputs})
    reshape(model, ANCHORS, LEVELS)
    model.score_thresh, model.nms_thresh = {threshold}, {iou}
    model.topk_candidates, model.detections_per_img = {pre}, {most}
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return model.eval()


{reshape}'''


def write_build(folder: Path, facts: Facts, head: Head) -> None:
    """Write `build.py`, of which `build` gives the network."""
    (anchors, levels), post = relative_anchors(head), facts.postprocess
    text = _TEXT.format(
        architecture=facts.architecture,
        count=head.num_anchors,
        classes=dict(zip(facts.labels, facts.classes, strict=True)),
        levels=levels,
        anchors=anchors,
        outputs=facts.outputs,
        threshold=post.score_threshold,
        iou=post.nms_iou,
        pre=post.nms_pre,
        most=post.max_per_image,
        reshape=inspect.getsource(reshape),
    )
    with whole_file(folder / BUILD) as partial:
        partial.write_text(text, encoding="utf-8")
