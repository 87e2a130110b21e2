"""Layouts: which anchors of a head are kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anchorprune.errors import UserError
from anchorprune.files import read_json, write_json
from anchorprune.heads.head import VERSION, Head, check_version

Subset = tuple[int, ...]  # anchors, ascending
FIXED = "fixed"  # stands where a search's name would, for layouts that a configuration lists


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
        check_version(value, str(path))
        if value.get("head") != head.name:
            raise UserError(f"{path}: layout of head {value.get('head')!r}, but the detector's head is {head.name!r}")
        try:
            return cls.keep(head, [int(i) for i in value["kept"]])
        except (KeyError, TypeError, ValueError):
            raise UserError(f"{path}: key 'kept' must be a list of anchor indices") from None
        except UserError as error:
            raise UserError(f"{path}: {error}") from None


def _check_indices(head: Head, indices: list[int]) -> None:
    unknown = [i for i in indices if not 0 <= i < head.num_anchors]
    if unknown:
        raise UserError(f"head {head.name}: no anchor {unknown[0]}; its anchors are 0..{head.num_anchors - 1}")
