"""Predictions and the annotations of the same images: whether they belong together."""

import hashlib
import json
import logging
from pathlib import Path

from anchorprune.datasets.annotations import Annotations
from anchorprune.datasets.coco import read_coco
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Predictions

LOG = logging.getLogger(__name__)
_KEY, _PREFIX = "annotations", "sha256:"


def split_fingerprint(truth: Annotations) -> str:
    """What tells a split from others, for `annotations` of a predictions file's provenance; boxes do not count.

    `sha256:` and the hexadecimal SHA-256 of the JSON text (ASCII, no spaces) of two lists: the category ids, ascending,
    and each image's [id, width, height, file name], ascending by id.
    """
    images = [[image.id, image.width, image.height, image.file_name] for image in truth.images]
    text = json.dumps([truth.category_ids.tolist(), images], separators=(",", ":"))
    return _PREFIX + hashlib.sha256(text.encode()).hexdigest()


def open_predicted(predictions: Path, annotations: Path) -> tuple[Predictions, Annotations]:
    """Open a predictions file and read the annotations of its images.

    A file without a fingerprint (of another program, or of an older version, which has a path there) is taken as it is,
    with a note on standard error.

    Raises:
        UserError: a file is missing or damaged, or the predictions were made on other images or categories.
    """
    opened, truth = Predictions.open(predictions), read_coco(annotations)
    given = opened.provenance.get(_KEY)
    if not (isinstance(given, str) and given.startswith(_PREFIX)):
        LOG.warning("%s: does not say on which images it was made; taken to be those of %s", predictions, annotations)
    elif given != split_fingerprint(truth):
        raise UserError(
            f"{predictions}: was made on other images or categories than those of {annotations}; give the annotations "
            "of the split it was made on, or predict on this one"
        )
    return opened, truth
