"""Anchor dropout: train with random subsets of the anchors, so that each subset works without a training of its own.

The counterpart, for anchors, of what slimmable networks do for channels (Yu et al., arXiv 1812.08928), and of their
"sandwich" of the whole network and random parts of it (Yu and Huang, arXiv 1903.05134).
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from anchorprune.errors import UserError

MODES = ("sandwich", "smallest", "progressive")
DRAWS = ("uniform", "level", "front")
# Of a subset drawn near the front, the share of anchors that are kept where the front drops them, or the reverse.
_FLIPPED = 0.1

Subset = list[list[int]]  # for each level, the kept positions within it, ascending


@dataclass(frozen=True)
class AnchorDropout:
    """Which subsets a training step sees beside the whole head; the loss is the mean over all of these.

    Attributes:
        mode: `sandwich`: the whole head and random subsets; `smallest`: also one drawn with the least probability;
            `progressive`: the least probability falls from the highest to its own over the training.
        keep: (least, highest) probability with which a subset keeps an anchor; it is drawn anew for each subset.
        subsets: random subsets a step.
        draw: `uniform`: one probability for all anchors; `level`: one for each level; `front`: a subset of a search's
            front, with a tenth of the anchors the other way round.
        front: `front.csv` of a search of the same head, for `front`.
        start: share of the iterations that go by before it begins.
    """

    mode: str = "sandwich"
    keep: tuple[float, float] = (0.1, 0.9)
    subsets: int = 4
    draw: str = "uniform"
    front: str | None = None
    start: float = 0.0

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "AnchorDropout":
        """From a configuration's settings; what is not given has its default.

        Raises:
            UserError: an unknown key, or a value that is none.
        """
        known = [field.name for field in fields(cls)]
        for key in settings:
            if key not in known:
                raise UserError(f"anchor_dropout: unknown key {key!r}; it has {', '.join(known)}")
        values = dict(settings)
        if "keep" in values:
            values["keep"] = tuple(values["keep"]) if isinstance(values["keep"], list | tuple) else ()
        dropout = cls(**values)
        dropout._check()
        return dropout

    def settings(self) -> dict[str, Any]:
        """What `of` reads, every key."""
        return {**asdict(self), "keep": list(self.keep)}

    def _check(self) -> None:
        wrong = None
        if self.mode not in MODES:
            wrong = f"mode: {self.mode!r} is none of {', '.join(MODES)}"
        elif self.draw not in DRAWS:
            wrong = f"draw: {self.draw!r} is none of {', '.join(DRAWS)}"
        elif len(self.keep) != 2 or not all(map(_is_number, self.keep)) or not 0 < self.keep[0] <= self.keep[1] <= 1:
            wrong = "keep: give two probabilities, the lower one first, over 0 and at most 1, such as [0.1, 0.9]"
        elif not isinstance(self.subsets, int) or isinstance(self.subsets, bool) or self.subsets < 1:
            wrong = f"subsets: {self.subsets!r} is no number of subsets, 1 or more"
        elif not _is_number(self.start) or not 0 <= self.start < 1:
            wrong = f"start: {self.start!r} is no share of the iterations, from 0 to below 1"
        elif (self.draw == "front") != (self.front is not None):
            wrong = "front: draw: front and a search's front.csv go together; give both or neither"
        if wrong:
            raise UserError(f"anchor_dropout.{wrong}")

    def subsets_at(self, counts: Sequence[int], seed: int, iteration: int, iterations: int) -> list[Subset]:
        """The subsets of a training step; a function of its arguments, so that a training can go on from any step.

        Args:
            counts: the head's anchors per level.
            seed: of the training.
            iteration: the step's number, from 0.
            iterations: steps of the whole training.

        Returns:
            None before `start`; each keeps one anchor or more.

        Raises:
            UserError: the front is of another head, or cannot be read.
        """
        done = iteration / max(iterations, 1)
        if done < self.start:
            return []
        rng = np.random.default_rng([seed, iteration])
        low, high = self.keep
        if self.mode == "progressive":
            low = high - (high - low) * (done - self.start) / (1 - self.start)
        drawn = [self._draw(counts, low, high, rng) for _ in range(self.subsets)]
        if self.mode == "smallest":
            drawn.append(_per_level(rng.random(sum(counts)) < self.keep[0], counts, rng))
        return drawn

    def _draw(self, counts: Sequence[int], low: float, high: float, rng: np.random.Generator) -> Subset:
        if self.draw == "front":
            front = _front(self.front, sum(counts))
            return _per_level(front[rng.integers(len(front))] ^ (rng.random(sum(counts)) < _FLIPPED), counts, rng)
        levels = len(counts) if self.draw == "level" else 1
        probability = np.broadcast_to(low + (high - low) * rng.random(levels), len(counts))
        return _per_level(rng.random(sum(counts)) < np.repeat(probability, counts), counts, rng)


def _per_level(kept: np.ndarray, counts: Sequence[int], rng: np.random.Generator) -> Subset:
    """A mask of all anchors as positions within the levels; one anchor, drawn, where it keeps none."""
    if not kept.any():
        kept[rng.integers(len(kept))] = True
    return [np.flatnonzero(level).tolist() for level in np.split(kept, np.cumsum(counts)[:-1])]


@lru_cache(maxsize=4)
def _front(file: str, anchors: int) -> np.ndarray:
    """(subsets, anchors) bool, of the file of a front."""
    try:
        with Path(file).open(newline="") as lines:
            kept = [[int(index) for index in row["kept"].split()] for row in csv.DictReader(lines)]
    except (OSError, KeyError, ValueError, AttributeError) as error:
        raise UserError(f"{file}: not a search's front.csv ({type(error).__name__}); run the search again") from None
    if not kept or max(map(max, kept)) != anchors - 1:
        raise UserError(f"{file}: not a front of this head of {anchors} anchors; give one of a search of this detector")
    masks = np.zeros((len(kept), anchors), bool)
    for mask, row in zip(masks, kept, strict=True):
        mask[row] = True
    return masks


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
