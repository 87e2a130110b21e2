"""Heads: the levels of a detector and the anchors it has on each.

Anchors are numbered 0.. over the levels, level by level, in the order `head.json` lists them
(the head's own order: finest level first for SSD and RetinaNet, coarsest first for YOLOv3).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json, write_json

VERSION = 1


@dataclass(frozen=True)
class Level:
    """One feature level of a head.

    Attributes:
        stride: distance of neighbouring cells, input pixels.
        grid: (H, W) cells of the feature map at the head's input size.
        macs_fixed: multiply-accumulates spent once when the level keeps any anchor.
        macs_per_anchor: multiply-accumulates each kept anchor adds.
        anchors: (w, h) of each anchor, input pixels.
    """

    stride: int
    grid: tuple[int, int]
    macs_fixed: int
    macs_per_anchor: int
    anchors: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Head:
    """A detection head: its levels, finest first or as the detector orders them.

    Attributes:
        name: what layouts of this head refer to.
        input_size: (W, H) input pixels at which costs are counted.
        num_classes: categories, without background.
        levels: the feature levels in the head's own order.
        keep_ratio: images are scaled by one factor to fit into the input size, not stretched to it.
        center: where in its cell an anchor's centre lies, in strides; 0 for mmdet's RetinaNet.
    """

    name: str
    input_size: tuple[int, int]
    num_classes: int
    levels: tuple[Level, ...]
    keep_ratio: bool = False
    center: float = 0.5

    @property
    def num_anchors(self) -> int:
        """Anchors on all levels."""
        return sum(len(level.anchors) for level in self.levels)

    @property
    def level_of_anchor(self) -> tuple[int, ...]:
        """For each anchor index, the index of its level."""
        return tuple(i for i, level in enumerate(self.levels) for _ in level.anchors)

    def to_dict(self) -> dict[str, Any]:
        """The `head.json` form; `keep_ratio` and `center` are left out where they are the usual ones."""
        usual = {"keep_ratio": False, "center": 0.5}
        return {
            "version": VERSION,
            "name": self.name,
            "input_size": list(self.input_size),
            "num_classes": self.num_classes,
            "levels": [
                {
                    "stride": level.stride,
                    "grid": list(level.grid),
                    "macs_fixed": level.macs_fixed,
                    "macs_per_anchor": level.macs_per_anchor,
                    "anchors": [list(anchor) for anchor in level.anchors],
                }
                for level in self.levels
            ],
            **{key: getattr(self, key) for key, value in usual.items() if getattr(self, key) != value},
        }

    @classmethod
    def from_dict(cls, value: Any, source: str = "head") -> "Head":
        """Read the `head.json` form; `source` names it in errors.

        Raises:
            UserError: a key is missing or of the wrong kind, or the version is unknown.
        """
        check_version(value, source)
        try:
            levels = tuple(
                Level(
                    stride=int(level["stride"]),
                    grid=(int(level["grid"][0]), int(level["grid"][1])),
                    macs_fixed=int(level["macs_fixed"]),
                    macs_per_anchor=int(level["macs_per_anchor"]),
                    anchors=tuple((float(w), float(h)) for w, h in level["anchors"]),
                )
                for level in value["levels"]
            )
            size = (int(value["input_size"][0]), int(value["input_size"][1]))
            scaling = {"keep_ratio": bool(value.get("keep_ratio", False)), "center": float(value.get("center", 0.5))}
            return cls(str(value["name"]), size, int(value["num_classes"]), levels, **scaling)
        except KeyError as error:
            raise UserError(f"{source}: key {error} is missing from the head description") from None
        except (TypeError, ValueError, IndexError) as error:
            raise UserError(f"{source}: not a head description ({error})") from None

    def save(self, path: str | Path) -> None:
        """Write `head.json`."""
        write_json(path, self.to_dict())

    @classmethod
    def load(cls, path: str | Path) -> "Head":
        """Read `head.json`; errors as `from_dict`."""
        return cls.from_dict(read_json(path, "head description"), str(path))


def check_version(value: Any, source: str) -> None:
    """Refuse what is no JSON object of `VERSION`; `source` names it in the error.

    Raises:
        UserError: so it is.
    """
    if not isinstance(value, dict):
        raise UserError(f"{source}: expected a JSON object")
    if value.get("version") != VERSION:
        raise UserError(
            f"{source}: version {value.get('version')!r} is not known; this program reads version {VERSION}"
        )
