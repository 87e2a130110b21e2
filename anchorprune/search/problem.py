"""What every search method works on: subsets in, AP and cost out, each scored once and logged in order."""

from collections.abc import Callable, Sequence
from typing import Any

from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.scoring import Scorer
from anchorprune.search.front import Scored, Subset
from anchorprune.search.journal import Journal
from anchorprune.search.pricing import least_difference, pricer


class EnoughScored(Exception):  # noqa: N818 - it ends a search, it is not an error
    """`max_subsets` are scored."""


class Problem:
    """Scores subsets for a search.

    Attributes:
        head: the detector's head.
        evaluated: every subset scored, in order.
        options: the search's options, see `anchorprune.search.run`.
        least: a difference in price that is as good as none; keeps divisions by it finite.
    """

    def __init__(
        self, scorer: Scorer, options: Any, journal: Journal | None = None, watch: Callable[..., None] = print
    ):
        self.head: Head = scorer.head
        self.options = options
        self.evaluated: list[Scored] = []
        self.limit: int | None = options.max_subsets
        self.least = least_difference(options)
        self._price = pricer(options)
        self._scorer = scorer
        self._journal = journal
        self._watch = watch
        self._known: dict[Subset, Scored] = {}

    @property
    def full(self) -> Subset:
        """Every anchor."""
        return tuple(range(self.head.num_anchors))

    def price(self, kept: Subset) -> float:
        """The cost the search trades AP against."""
        return self._price(Layout(self.head, kept))

    def known(self, kept: Subset) -> Scored | None:
        """A subset that is scored already."""
        return self._known.get(kept)

    def score(self, subsets: Sequence[Subset], parent: Subset | None = None) -> list[Scored]:
        """Score subsets; those that differ from `parent` in few anchors take a fraction of the time.

        Raises:
            EnoughScored: `max_subsets` was reached on the way; what was scored until then is in `evaluated`.
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
