"""Heads and layouts: which anchors a detector has and which of them are kept.

Anchors are numbered 0.. over the levels, level by level, in the order `head.json` lists them
(the head's own order: finest level first for SSD and RetinaNet, coarsest first for YOLOv3).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json, write_json

VERSION = 1
FIXED = "fixed"  # stands where a search's name would, for layouts that a configuration lists


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
        _check_version(value, source)
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


@dataclass(frozen=True)
class Layout:
    """The anchors of a head that are kept, ascending."""

    head: Head
    kept: tuple[int, ...]

    @classmethod
    def keep(cls, head: Head, kept: Iterable[int]) -> "Layout":
        """The layout with these anchors.

        Raises:
            UserError: no anchor is kept, or an index is not an anchor of the head.
        """
        indices = sorted(set(int(i) for i in kept))
        if not indices:
            raise UserError(f"head {head.name}: the layout keeps no anchor; keep at least one")
        _check_indices(head, indices)
        return cls(head, tuple(indices))

    @classmethod
    def drop(cls, head: Head, dropped: Iterable[int]) -> "Layout":
        """The layout without these anchors; errors as `keep`."""
        gone = set(int(i) for i in dropped)
        _check_indices(head, sorted(gone))
        return cls.keep(head, (i for i in range(head.num_anchors) if i not in gone))

    @classmethod
    def full(cls, head: Head) -> "Layout":
        """The layout with every anchor of the head."""
        return cls(head, tuple(range(head.num_anchors)))

    @property
    def anchors_per_level(self) -> tuple[int, ...]:
        """Number of kept anchors on each level."""
        counts = [0] * len(self.head.levels)
        level_of_anchor = self.head.level_of_anchor
        for index in self.kept:
            counts[level_of_anchor[index]] += 1
        return tuple(counts)

    @property
    def kept_per_level(self) -> tuple[tuple[int, ...], ...]:
        """For each level, the kept positions *within* that level, ascending."""
        result, start, kept = [], 0, set(self.kept)
        for level in self.head.levels:
            result.append(tuple(i for i in range(len(level.anchors)) if start + i in kept))
            start += len(level.anchors)
        return tuple(result)

    def save(self, path: str | Path) -> None:
        """Write `layout.json`."""
        write_json(path, {"version": VERSION, "head": self.head.name, "kept": list(self.kept)})

    @classmethod
    def load(cls, path: str | Path, head: Head) -> "Layout":
        """Read `layout.json` for `head`.

        Raises:
            UserError: the file is missing or damaged, or belongs to another head.
        """
        value = read_json(path, "layout")
        _check_version(value, str(path))
        if value.get("head") != head.name:
            raise UserError(f"{path}: layout of head {value.get('head')!r}, but the detector's head is {head.name!r}")
        try:
            return cls.keep(head, [int(i) for i in value["kept"]])
        except (KeyError, TypeError, ValueError):
            raise UserError(f"{path}: key 'kept' must be a list of anchor indices") from None
        except UserError as error:
            raise UserError(f"{path}: {error}") from None


def _check_version(value: Any, source: str) -> None:
    if not isinstance(value, dict):
        raise UserError(f"{source}: expected a JSON object")
    if value.get("version") != VERSION:
        raise UserError(
            f"{source}: version {value.get('version')!r} is not known; this program reads version {VERSION}"
        )


def _check_indices(head: Head, indices: list[int]) -> None:
    unknown = [i for i in indices if not 0 <= i < head.num_anchors]
    if unknown:
        raise UserError(f"head {head.name}: no anchor {unknown[0]}; its anchors are 0..{head.num_anchors - 1}")
