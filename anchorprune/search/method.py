"""What a search method is."""

from collections.abc import Callable
from dataclasses import dataclass

from anchorprune.search.problem import Problem


@dataclass(frozen=True)
class Method:
    """A way to choose the subsets that are scored.

    Attributes:
        run: scores subsets of the problem, until it is done or `EnoughScored` ends it. The first line of its docstring
            is the method's line in `anchorprune search --help`.
        options: what it heeds of `anchorprune.search.run.Options`, `max_subsets` apart, which holds for all.
        default_subsets: how many it scores where `max_subsets` is not given; None: until it is done.
    """

    run: Callable[[Problem], None]
    options: tuple[str, ...] = ()
    default_subsets: int | None = None

    @property
    def summary(self) -> str:
        """The method's line of help."""
        return (self.run.__doc__ or "").split("\n")[0]
