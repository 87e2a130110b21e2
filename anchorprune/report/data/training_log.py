"""The losses that a training's log tells of."""

import re
from dataclasses import dataclass
from pathlib import Path

LOGS = ("train.log", "retrain.log")  # names that the pipeline gives, in the training's folder
MOST = 120  # points of a curve
# mmengine's lines: `Epoch(train) [2][ 40/200] .. loss: 1.25 ..`, or `Iter(train) [ 40/800] .. loss: 1.25 ..`.
_LINE = re.compile(r"(?:Epoch\(train\) +\[(\d+)\]|Iter\(train\) +)\[ *(\d+)/(\d+)\].*?\bloss: ([\d.]+(?:e[+-]?\d+)?)")


@dataclass(frozen=True)
class Losses:
    """A training's losses as its log tells them, each the mean of the last iterations.

    Attributes:
        unit: `epochs`, or `iterations` of a training that is not counted in epochs.
        at: (n,) when, rising, since the training's beginning.
        loss: (n,) the whole loss.
    """

    unit: str
    at: list[float]
    loss: list[float]

    @property
    def begins_late(self) -> bool:
        """Whether the first are missing: a training that was killed and went on logs anew."""
        return self.unit == "epochs" and self.at[0] > 1


def read_losses(folder: Path) -> Losses | None:
    """The losses in the log of the training that ran in a folder; None where it has none, or no log that is known."""
    file = next((folder / name for name in LOGS if (folder / name).is_file()), None)
    if file is None:
        return None
    found = [match.groups() for match in map(_LINE.search, file.read_text(errors="replace").splitlines()) if match]
    if not found:
        return None
    by_epoch = found[-1][0] is not None
    losses = {}
    for epoch, iteration, of, loss in found:
        if (epoch is not None) == by_epoch:
            losses[int(epoch) - 1 + int(iteration) / int(of) if by_epoch else float(iteration)] = float(loss)
    chosen = _thinned(sorted(losses))
    return Losses("epochs" if by_epoch else "iterations", chosen, [losses[at] for at in chosen])


def _thinned(places: list[float]) -> list[float]:
    """At most MOST of them, evenly, the last one always."""
    step = -(-len(places) // MOST)
    return places[::-1][::step][::-1]
