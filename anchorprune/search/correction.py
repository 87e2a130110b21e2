"""AP of a search's choices corrected for optimism, from what the search takes without the images it is scored on."""

import math
from dataclasses import dataclass

import numpy as np

from anchorprune.heads.layout import Subset
from anchorprune.progress_bar import progress_bar
from anchorprune.scoring import INTERVAL, Bootstrap, Scorer, Stitched
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
    every, members = corrected(scorer, result.full.kept, fit, resamples), len(result.front)
    return Corrections(every[:members], dict(zip(result.budgets, every[members:], strict=True)))


def corrected(scorer: Scorer, full: Subset, fit: CrossFit, resamples: int) -> list[Corrected]:
    """Of everything that a cross-fit's searches took, in its order; arguments as in `corrections`."""
    bootstrap = Bootstrap(scorer, max(resamples, 1))
    whole = bootstrap.stitched([full], np.zeros_like(fit.fold))
    every, known = list(zip(*fit.chosen, strict=True)), {}
    for subsets in progress_bar(dict.fromkeys(every), "correcting for optimism", unit=" choices", leave=False):
        known[subsets] = _corrected(scorer, (bootstrap, whole), subsets, fit.fold, resamples > 0)
    return [known[subsets] for subsets in every]


def _corrected(
    scorer: Scorer, aps: tuple[Bootstrap, Stitched], subsets: tuple[Subset, ...], fold: np.ndarray, interval: bool
) -> Corrected:
    bootstrap, full = aps
    found = bootstrap.stitched(subsets, fold)
    change, low, high = found.ap - full.ap, None, None
    if interval:
        picked = NORMAL * _error_of_choice(scorer, subsets)
        ends = np.percentile(found.aps - full.aps, INTERVAL).tolist()
        low, high = change - math.hypot(change - ends[0], picked), change + math.hypot(ends[1] - change, picked)
    stability = tuple(float(np.mean([a in kept for kept in subsets])) for a in range(scorer.head.num_anchors))
    return Corrected(found.ap, change, low, high, stability)


def _error_of_choice(scorer: Scorer, subsets: tuple[Subset, ...]) -> float:
    """Standard error of AP that comes of what was chosen: the delete-a-fold jackknife, AP always on all images."""
    aps = np.array([scorer.ap(kept) for kept in subsets])
    return math.sqrt((len(aps) - 1) / len(aps) * np.sum((aps - aps.mean()) ** 2))
