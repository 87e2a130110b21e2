"""What a predictions file holds: its columns, and what its metadata say of the post-processing."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from anchorprune.errors import UserError

# Name and type of each column, as pyarrow calls the type.
COLUMNS = {
    "image_id": "int64",
    "category_id": "int32",
    "anchor": "int16",
    "score": "float",
    "x1": "float",
    "y1": "float",
    "x2": "float",
    "y2": "float",
}
NMS_PRE_PER = ("level", "class")


@dataclass(frozen=True)
class Postprocess:
    """How a detector turns candidates into detections; the words follow mmdet's `test_cfg`.

    Attributes:
        score_threshold: candidates score strictly more than this (compared in float32, as mmdet does).
        nms_iou: of two boxes that overlap by more than this, the lower-scored goes.
        nms_pre: the best (box, class) pairs that enter NMS, counted after pruning; None: all.
        max_per_image: the best detections of an image that stay after NMS; negative: all.
        min_size: boxes stay whose width and height are strictly greater, pixels of the original image;
            0 takes away boxes without area, negative takes away none.
        class_agnostic: boxes suppress boxes of other classes too.
        nms_pre_per: of what `nms_pre` is the limit: `level`, as mmdet counts, or `class`, as torchvision's SSD does.
    """

    score_threshold: float
    nms_iou: float
    nms_pre: int | None = None
    max_per_image: int = 100
    min_size: float = 0
    class_agnostic: bool = False
    nms_pre_per: str = "level"

    def to_dict(self) -> dict[str, Any]:
        """The metadata's form: of version 2 where version 1, which names none and counts per level, cannot say it."""
        value = asdict(self)
        return value | {"version": 2} if value["nms_pre_per"] != "level" else {key: value[key] for key in _VERSION_1}

    @classmethod
    def from_dict(cls, value: Any, source: str = "postprocess") -> "Postprocess":
        """Read the metadata's form, of either version; `source` names it in errors.

        Raises:
            UserError: a key is missing, unknown or of the wrong kind, or the version is unknown.
        """
        if not isinstance(value, dict) or set(value) - {"version", "nms_pre_per"} != set(_VERSION_1):
            raise UserError(
                f"{source}: 'postprocess' must have exactly the keys {', '.join(_VERSION_1)}, and may have nms_pre_per"
            )
        if value.get("version", 1) not in (1, 2):
            raise UserError(f"{source}: 'postprocess' of version {value['version']!r}; this program reads 1 and 2")
        per = value.get("nms_pre_per", "level")
        if per not in NMS_PRE_PER:
            raise UserError(f"{source}: 'postprocess': nms_pre_per is {per!r}; it is {' or '.join(NMS_PRE_PER)}")
        try:
            pre = None if value["nms_pre"] is None else int(value["nms_pre"])
            threshold, iou, size = (float(value[key]) for key in ("score_threshold", "nms_iou", "min_size"))
            return cls(threshold, iou, pre, int(value["max_per_image"]), size, bool(value["class_agnostic"]), per)
        except (TypeError, ValueError) as error:
            raise UserError(f"{source}: 'postprocess' holds a value of the wrong kind ({error})") from None


_VERSION_1 = tuple(field.name for field in fields(Postprocess) if field.name != "nms_pre_per")


@dataclass(frozen=True)
class Candidates:
    """A predictions file's rows, in the file's order.

    Attributes:
        image_id: (N,) int64, ascending.
        category_id: (N,) int32, the data set's ids.
        anchor: (N,) int16, index into the head's anchors.
        score: (N,) float32 in 0..1.
        boxes: (N, 4) float32, x1 y1 x2 y2, pixels of the original image.
    """

    image_id: np.ndarray
    category_id: np.ndarray
    anchor: np.ndarray
    score: np.ndarray
    boxes: np.ndarray
