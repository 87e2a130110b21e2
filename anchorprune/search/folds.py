"""The search once more for each fold of the images, on the other folds: what it takes without these images."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from anchorprune.heads.layout import Subset
from anchorprune.scoring import Scorer
from anchorprune.search.choice import Rule, choose
from anchorprune.search.front import Scored
from anchorprune.search.journal import Journal
from anchorprune.search.problem import Problem
from anchorprune.search.run import Options, searched


def ignored(scored: Scored) -> None:
    """A subset was scored; nobody watches."""


@dataclass(frozen=True)
class CrossFit:
    """What the searches without a fold took.

    Attributes:
        fold: (I,) int64, each image's fold, 0..K-1.
        chosen: of each fold, the subset for everything that was wanted, in its order.
        logs: of each fold, every subset that its search scored, in order.
    """

    fold: np.ndarray
    chosen: list[list[Subset]]
    logs: list[list[Scored]] = field(default_factory=list)


def fitting_folds(scorer: Scorer, folds: int) -> int:
    """As many folds as there are images for, at most those asked for; none of a single image."""
    images = int(scorer.images.sum())
    return min(folds, images) if min(folds, images) > 1 else 0


def drawn_folds(images: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(I,) int64: each image's fold, drawn at random; folds differ in size by one image at most; 0 without folds.

    Args:
        images: (I,) bool, the images that count; the others are in fold 0.
        folds: how many.
        seed: of the draw.
    """
    index = np.flatnonzero(images)
    fold = np.zeros(len(images), np.int64)
    fold[np.random.default_rng([seed, len(index)]).permutation(index)] = np.arange(len(index)) % max(folds, 1)
    return fold


def cross_fit(
    scorer: Scorer,
    options_on: Callable[[Scorer], Options],
    wanted: list[tuple[Rule, float]],
    folds: int,
    journal_of: Callable[[int], AbstractContextManager[Journal | None]] = lambda fold: nullcontext(),
    watch_of: Callable[[int], AbstractContextManager[Callable[[Scored], None]]] = lambda fold: nullcontext(ignored),
) -> CrossFit:
    """Search on all folds but one, for each one, and take what is wanted.

    Args:
        scorer: of all the images.
        options_on: the search's options on some of the images.
        wanted: rules, each with the highest price.
        folds: how many, see `fitting_folds`.
        journal_of: the journal of a fold's search.
        watch_of: what is called with every subset that a fold's search scores.
    """
    found = CrossFit(drawn_folds(scorer.images, folds, options_on(scorer).seed), [])
    for k in range(folds):
        others = scorer.on(found.fold != k)
        with journal_of(k) as journal, watch_of(k) as watch:
            problem = searched(others, options_on(others), journal, watch)
            found.chosen.append([scored.kept for scored in choose(problem, wanted)])
            found.logs.append(problem.evaluated)
        del others, problem  # of which the next fold would be a second in memory
    return found


def cross_fit_again(
    scorer: Scorer, options: Options, wanted: list[tuple[Rule, float]], logs: Sequence[Mapping[Subset, float]]
) -> CrossFit:
    """What searches without a fold take of what they have scored; as `cross_fit`, whose `logs` these are."""
    found = CrossFit(drawn_folds(scorer.images, len(logs), options.seed), [])
    for k, aps in enumerate(logs):
        problem = Problem(scorer.on(found.fold != k), options, watch=ignored)
        problem.take_over(aps)
        found.chosen.append([scored.kept for scored in choose(problem, wanted)])
    return found
