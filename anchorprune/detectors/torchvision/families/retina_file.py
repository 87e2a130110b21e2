"""The file that builds a pruned RetinaNet with torch and torchvision alone."""

import inspect

from anchorprune.detectors.torchvision.facts import Facts
from anchorprune.detectors.torchvision.families import uneven
from anchorprune.detectors.torchvision.families.filters import are_uneven, kept_parts, shared
from anchorprune.detectors.torchvision.families.thinned import freeze, thin
from anchorprune.heads.head import Head

_FILE = '''\
"""{architecture} of torchvision with {count} anchors; `build("weights.pth")` needs torch and torchvision alone.
{note}"""

from collections import OrderedDict

import torch
{imports}from torchvision.models.detection import {architecture}
from torchvision.ops import FrozenBatchNorm2d

CLASSES = {classes}  # by the model's labels
LEVELS = {levels}
ANCHORS = {anchors}  # (w, h) of each level's, input pixels
FILTERS = {filters}  # of those that the levels share, each level's


def build(weights):
    """The detector with its weights, in evaluation mode."""
    model = {architecture}(weights=None, weights_backbone=None, num_classes={outputs})
    {freeze}thin(model, ANCHORS, LEVELS, {shared})
    {uneven}model.transform.min_size, model.transform.max_size = ({min_size},), {max_size}
    model.score_thresh, model.nms_thresh = {threshold}, {iou}
    model.topk_candidates, model.detections_per_img = {pre}, {most}
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return model.eval()


{code}'''
_NOTE = "\nIts levels have different anchors, which torchvision cannot say with its own classes: two more are below.\n"


def build_file(facts: Facts, head: Head) -> str:
    """Its text; torchvision's own classes are enough where levels have the same anchors."""
    (anchors, levels, filters), post = kept_parts(facts, head), facts.postprocess
    imports, _, classes = inspect.getsource(uneven).partition("import torch\n")[2].partition("\n\n\n")
    own, frozen = are_uneven(filters), facts.frozen_eps is not None
    code = [*[inspect.getsource(part) for part in (thin, *[freeze] * frozen)], *[classes] * own]
    text = _FILE.format(
        architecture=facts.architecture,
        count=head.num_anchors,
        note=_NOTE * own,
        imports=f"{imports}\n" * own,
        classes=dict(zip(facts.labels, facts.classes, strict=True)),
        levels=levels,
        anchors=anchors,
        filters=filters,
        shared=shared(filters),
        outputs=facts.outputs,
        freeze=f"freeze(model.backbone.body, {facts.frozen_eps})\n    " * frozen,
        uneven="model = uneven(model, FILTERS)\n    " * own,
        max_size=head.input_size[0],
        min_size=head.input_size[1],
        threshold=post.score_threshold,
        iou=post.nms_iou,
        pre=post.nms_pre,
        most=post.max_per_image,
        code="\n\n".join(code),
    )
    return text if frozen else text.replace("from torchvision.ops import FrozenBatchNorm2d\n", "")
