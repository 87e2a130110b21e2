"""What every search method works on: subsets in, AP and cost out, each scored once and logged in order."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from anchorprune.heads.cost import COSTS, cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout, Subset
from anchorprune.search.front import Scored
from anchorprune.search.journal import Journal
from anchorprune.search.pricing import pricer

if TYPE_CHECKING:  # the methods' files, which import this one, are read for the command line's help
    import numpy as np

    from anchorprune.scoring import Bootstrap, Scorer

RESAMPLED = 200  # resamples of a standard error


class EnoughScored(Exception):  # noqa: N818 - it ends a search, it is not an error
    """`max_subsets` are scored."""


class Problem:
    """Scores subsets for a search.

    Attributes:
        head: the detector's head.
        evaluated: every subset scored, in order.
        limit: the most subsets that are scored; None: no limit.
        options: the search's options, see `anchorprune.search.run`.
        least: a difference in price that is as good as none; keeps divisions by it finite.
    """

    def __init__(
        self, scorer: "Scorer", options: Any, journal: Journal | None = None, watch: Callable[..., None] = print
    ):
        self.head: Head = scorer.head
        self.options = options
        self.evaluated: list[Scored] = []
        self.limit: int | None = None
        self.least = COSTS[options.cost].least
        self._price = pricer(options)
        self._scorer = scorer
        self._journal = journal
        self._watch = watch
        self._known: dict[Subset, Scored] = {}

    @property
    def full(self) -> Subset:
        """Every anchor."""
        return tuple(range(self.head.num_anchors))

    @property
    def num_subsets(self) -> int:
        """How many subsets there are, the empty one apart."""
        return 2**self.head.num_anchors - 1

    def standard_error(self, kept: Subset) -> float:
        """Of a subset's AP change against the full one, by a bootstrap over the images."""
        bootstrap, full = self._resampled_full
        return float((bootstrap.aps(kept) - full).std())

    @cached_property
    def _resampled_full(self) -> "tuple[Bootstrap, np.ndarray]":
        from anchorprune.scoring import Bootstrap

        bootstrap = Bootstrap(self._scorer, RESAMPLED)
        return bootstrap, bootstrap.aps(self.full)

    @cached_property
    def generator(self) -> "np.random.Generator":
        """What methods draw from, by the search's seed."""
        from numpy.random import default_rng

        return default_rng(self.options.seed)

    def price(self, kept: Subset) -> float:
        """The cost the search trades AP against."""
        return self._price(Layout(self.head, kept))

    def score(self, subsets: Sequence[Subset], parent: Subset | None = None) -> list[Scored]:
        """Score subsets; those that differ from `parent` in few anchors take a fraction of the time.

        Raises:
            EnoughScored: the limit was reached on the way; what was scored until then is in `evaluated`.
        """
        new = [subset for subset in dict.fromkeys(subsets) if subset not in self._known]
        room = len(new) if self.limit is None else max(self.limit - len(self.evaluated), 0)
        for subset, ap in zip(new[:room], self._aps(new[:room], parent), strict=True):
            layout = Layout(self.head, subset)
            self._known[subset] = Scored(subset, ap, cost(layout), self._price(layout))
            self.evaluated.append(self._known[subset])
            self._watch(self._known[subset])
        if len(new) > room:
            raise EnoughScored
        return [self._known[subset] for subset in subsets]

    def take_over(self, aps: Mapping[Subset, float]) -> None:
        """Hold subsets for scored, in their order, with the APs that an earlier search found."""
        for subset, ap in aps.items():
            layout = Layout(self.head, subset)
            self._known[subset] = Scored(subset, ap, cost(layout), self._price(layout))
            self.evaluated.append(self._known[subset])

    def score_one(self, subset: Subset) -> Scored:
        """Score one subset."""
        return self.score([subset])[0]

    def _aps(self, subsets: list[Subset], parent: Subset | None) -> list[float]:
        known = self._journal.aps if self._journal else {}
        fresh = [subset for subset in subsets if subset not in known]
        if not fresh:
            return [known[subset] for subset in subsets]
        if parent is None:
            values = [self._scorer.ap(subset) for subset in fresh]
        else:
            values = [float(ap) for ap in self._scorer.children(parent, fresh)]
        found = dict(zip(fresh, values, strict=True))
        if self._journal:
            self._journal.add(found)
        return [known[subset] if subset in known else found[subset] for subset in subsets]


def without(kept: Subset, *anchors: int) -> Subset:
    """`kept` less some anchors."""
    return tuple(i for i in kept if i not in anchors)


def removals(kept: Subset) -> list[Subset]:
    """Each subset with one anchor less, in anchor order; none below one anchor."""
    return [without(kept, anchor) for anchor in kept] if len(kept) > 1 else []


def drawn(problem: Problem) -> Subset:
    """A random subset, its size uniform over 1..A."""
    anchors, generator = problem.head.num_anchors, problem.generator
    size = int(generator.integers(1, anchors + 1))
    return tuple(sorted(int(i) for i in generator.permutation(anchors)[:size]))
