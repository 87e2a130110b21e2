"""AP of a search's choices corrected for optimism, from what the search takes without the images it is scored on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from anchorprune.heads.layout import Subset
from anchorprune.progress_bar import progress_bar
from anchorprune.scoring import INTERVAL, Bootstrap, Evaluated, Scorer, StitchedScorer
from anchorprune.search.choice import CHOICES, Rule
from anchorprune.search.folds import CrossFit
from anchorprune.search.run import Result

NORMAL = 1.96  # standard errors to either side: 95 %


@dataclass(frozen=True)
class Corrected:
    """What a choice of the search is worth on images it has not seen; `docs/how-sure.md` has the definitions.

    Attributes:
        ap: cross-fitted AP: each image has the detections of the subset chosen without it.
        change: `ap` less the full layout's AP.
        low: lower end of the change's 95 % interval; None without resamples.
        high: upper end.
        stability: of each anchor, the share of folds that keep it.
    """

    ap: float
    change: float
    low: float | None
    high: float | None
    stability: tuple[float, ...]


@dataclass(frozen=True)
class Corrections:
    """Of a search's choices.

    Attributes:
        front: of each front member, in the front's order.
        budgets: of each budget, by its text.
    """

    front: list[Corrected]
    budgets: dict[str, Corrected]


def wanted_of(result: Result, choice: str) -> list[tuple[Rule, float]]:
    """What a fold's search must take: the best at each front member's price, then each budget's choice."""
    front = [(CHOICES["best"], scored.price) for scored in result.front]
    return front + [(CHOICES[choice], float(text) * result.full.price) for text in result.budgets]


def corrections(scorer: Scorer, result: Result, fit: CrossFit, resamples: int) -> Corrections | None:
    """Correct a search's choices; None where there are no folds.

    Args:
        scorer: the search's scorer.
        result: the search on all images.
        fit: the searches without a fold, for `wanted_of`.
        resamples: of the bootstrap; 0: no intervals.
    """
    if not fit.chosen:
        return None
    known = {scored.kept: scored.ap for scored in result.evaluated}
    every, members = corrected(scorer, result.full.kept, fit, resamples, known), len(result.front)
    return Corrections(every[:members], dict(zip(result.budgets, every[members:], strict=True)))


def corrected(
    scorer: Scorer, full: Subset, fit: CrossFit, resamples: int, known: Mapping[Subset, float]
) -> list[Corrected]:
    """Of everything that a cross-fit's searches took, in its order.

    Args:
        scorer: the search's scorer.
        full: the unpruned detector.
        fit: the searches without a fold.
        resamples: of the bootstrap; 0: no intervals.
        known: APs on all images that are at hand.
    """
    whole, intervals = scorer.ap(full), _Intervals(scorer, full, fit, resamples, known) if resamples else None
    stitched, every = StitchedScorer(scorer, fit.fold, len(fit.chosen)), list(zip(*fit.chosen, strict=True))
    found = {}
    for subsets in progress_bar(dict.fromkeys(every), "correcting for optimism", unit=" choices", leave=False):
        ap = stitched.ap(subsets)
        ends = intervals.of(ap - whole, subsets, stitched.evaluated(subsets)) if intervals else (None, None)
        stability = tuple(float(np.mean([a in kept for kept in subsets])) for a in range(scorer.head.num_anchors))
        found[subsets] = Corrected(ap, ap - whole, *ends, stability)
    return [found[subsets] for subsets in every]


class _Intervals:
    """95 % intervals of the changes of what folds took against the full layout."""

    def __init__(self, scorer: Scorer, full: Subset, fit: CrossFit, resamples: int, known: Mapping[Subset, float]):
        self._bootstrap = Bootstrap(scorer, resamples)
        self._full = self._bootstrap.aps(full)
        # A fold's choices resemble one another: fold by fold, each is a short way from the one before.
        taken = [kept for kept in dict.fromkeys(chain(*fit.chosen)) if kept not in known]
        bar = progress_bar(taken, "scoring what folds took", unit=" subsets", leave=False)
        self._aps = {**known, **{kept: scorer.ap(kept) for kept in bar}}

    def of(self, change: float, subsets: tuple[Subset, ...], matches: Evaluated) -> tuple[float, float]:
        """Ends of the interval of a change; the matches are those of the stitched subsets."""
        picked = NORMAL * self._error_of_choice(subsets)
        low, high = np.percentile(self._bootstrap.aps_of(matches) - self._full, INTERVAL).tolist()
        return change - math.hypot(change - low, picked), change + math.hypot(high - change, picked)

    def _error_of_choice(self, subsets: tuple[Subset, ...]) -> float:
        """Standard error of AP that comes of what was chosen: the delete-a-fold jackknife, AP always on all images."""
        aps = np.array([self._aps[kept] for kept in subsets])
        return math.sqrt((len(aps) - 1) / len(aps) * np.sum((aps - aps.mean()) ** 2))
