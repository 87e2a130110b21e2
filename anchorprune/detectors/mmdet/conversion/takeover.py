"""Looking over a stranger's detector before anything is made of it: its config, head, classes and checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from mmdet.apis import inference_detector
from mmengine.config import Config

from anchorprune.datasets.offered import listed_names
from anchorprune.detectors.foreign import Foreign, LookedOver
from anchorprune.detectors.mmdet.checkpoints import load_checkpoint, read_checkpoint
from anchorprune.detectors.mmdet.config.class_names import find_classes, given_classes, states
from anchorprune.detectors.mmdet.config.foreign import read_foreign, read_options
from anchorprune.detectors.mmdet.model import build, describe, postprocess
from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.labels import label_names


def look_over(
    foreign: Foreign, classes: str | None, annotations: Path, names: Sequence[str], photo: Path
) -> LookedOver:
    """Check a detector against its checkpoint and the annotations; see `Backend.look_over`.

    Raises:
        UserError: the config, the checkpoint, the classes and the annotations do not fit each other.
    """
    cfg = read_foreign(foreign)
    overrides = read_options(foreign.options)
    stated = find_classes(cfg, foreign.config) if classes is None else given_classes(cfg, classes)
    order, note = label_names(stated.names, listed_names(annotations), names, stated.of_coco_dataset)
    if not states(cfg, order):
        overrides["anchorprune.classes"] = order
    return LookedOver(try_out(cfg, foreign.weights, photo), overrides, note)


def try_out(cfg: Config, weights: Path, photo: Path) -> Head:
    """Build the detector of a prunable config, load a checkpoint and detect on a photo; returns the head.

    Raises:
        UserError: the checkpoint does not fit, the post-processing is not one that a search can follow, or the
            detector fails on the photo.
    """
    postprocess(cfg)
    model = build(cfg)
    load_checkpoint(model, read_checkpoint(weights), weights)
    model.eval()
    model.cfg = cfg
    try:
        inference_detector(model, str(photo))
    except Exception as error:  # pipelines and models are the user's: any error in them is too
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{photo}: the detector fails on this image ({reason}); mend its config or the image") from None
    return describe(cfg, model)
