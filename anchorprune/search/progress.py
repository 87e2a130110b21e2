"""A search's progress on standard error; silent where that is no terminal."""

from typing import Any

from anchorprune.progress_bar import progress_bar
from anchorprune.search.front import Scored, WorkingFront
from anchorprune.search.methods import load


class Progress:
    """Shows subsets scored, the front's size, the best AP and, where the end is known, the time left."""

    def __init__(self, options: Any, part: str = ""):
        self._front = WorkingFront()
        total = options.max_subsets or load(options.method).default_subsets
        self._bar = progress_bar(title=f"{options.method}{part}", total=total, unit=" subsets")

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: Any) -> None:
        self._bar.close()

    def __call__(self, scored: Scored) -> None:
        """Count one subset more."""
        if self._bar.disable:
            return
        self._front.offer(scored)
        best_ap = max(member.ap for member in self._front.members)
        self._bar.set_postfix(front=len(self._front.members), best_ap=f"{best_ap:.4f}", refresh=False)
        self._bar.update()
