"""Layerwise: level by level, for detectors trained with more anchors than needed."""

from anchorprune.errors import UserError
from anchorprune.heads.layout import Subset
from anchorprune.search.front import Scored, preference
from anchorprune.search.method import Method
from anchorprune.search.problem import Problem, without


def layerwise(problem: Problem) -> None:
    """Take level after level down to --max-per-level anchors, the least harmful first.

    Levels come in the head's order. It goes on whether AP falls or rises. Every intermediate subset is scored and can
    be on the front.
    """
    most = problem.options.max_per_level
    if most is None:
        raise UserError("--method layerwise needs --max-per-level, the anchors a level may keep")
    current = problem.score_one(problem.full)
    for level in range(len(problem.head.levels)):
        current = _reduce(problem, current, level, most)


METHOD = Method(layerwise, options=("max_per_level",))


def _reduce(problem: Problem, current: Scored, level: int, most: int) -> Scored:
    while len(mine := anchors_on(problem, current.kept, level)) > most and len(current.kept) > 1:
        children = problem.score([without(current.kept, anchor) for anchor in mine], current.kept)
        current = min(children, key=preference)
    return current


def anchors_on(problem: Problem, kept: Subset, level: int) -> list[int]:
    """The kept anchors of one level."""
    level_of_anchor = problem.head.level_of_anchor
    return [anchor for anchor in kept if level_of_anchor[anchor] == level]
