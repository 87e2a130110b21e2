"""The latency table: milliseconds of a head on one device, as a function of the anchors each level keeps.

`latency-table.json`: `{"version": 1, "head": NAME, "device": .., "runtime": .., "threads": N, "fixed_ms": t,
"levels": [{"ms": [0, t(1), .., t(A)]}, ..], "post": {"levels": [{"ms": [..]}, ..]}}`. Any program may write one.
A layout takes `fixed_ms`, and for each level with n anchors `ms[n]` of its convolutions and `ms[n]` of decoding and
NMS. Backbone and neck are not in it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout

VERSION = 1


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of a head's convolutions, decoding and NMS on one device.

    Attributes:
        fixed: spent whatever is kept.
        levels: for each level, the time of 0, 1, .. kept anchors.
        device: what it was measured on.
    """

    fixed: float
    levels: tuple[tuple[float, ...], ...]
    device: str

    def predict(self, layout: Layout) -> float:
        """Milliseconds of a layout of the table's head."""
        return self.fixed + sum(times[n] for times, n in zip(self.levels, layout.anchors_per_level, strict=True))

    @classmethod
    def load(cls, path: str | Path, head: Head) -> "LatencyTable":
        """Read a table for `head`.

        Raises:
            UserError: the file is missing or damaged, or belongs to another head.
        """
        value = read_json(path, "latency table")
        if not isinstance(value, dict) or value.get("version") != VERSION:
            raise UserError(
                f"{path}: not a latency table of version {VERSION}; write one with `anchorprune latency --table`"
            )
        if value.get("head") != head.name:
            raise UserError(f"{path}: table of head {value.get('head')!r}, but the detector's head is {head.name!r}")
        try:
            parts = value["levels"], value["post"]["levels"]
            levels = [tuple(_both(*part)) for part in zip(*parts, strict=True)]
            table = cls(float(value["fixed_ms"]), tuple(levels), str(value["device"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}: a damaged latency table ({error}); measure it again") from None
        table._check(head, path)
        return table

    def _check(self, head: Head, path: str | Path) -> None:
        counts, wanted = [len(times) - 1 for times in self.levels], [len(level.anchors) for level in head.levels]
        if counts != wanted:
            raise UserError(
                f"{path}: times for {counts} anchors per level, but the head has {wanted}; measure this head"
            )
        times = [self.fixed, *(time for level in self.levels for time in level)]
        if not all(0 <= time < float("inf") for time in times) or not self.predict(Layout.full(head)) > 0:
            raise UserError(f"{path}: times must be milliseconds, none negative and not all 0; measure it again")


def _both(head: dict[str, Any], post: dict[str, Any]) -> list[float]:
    return [float(a) + float(b) for a, b in zip(head["ms"], post["ms"], strict=True)]
