"""Which of the subsets within a budget is taken; `CHOICES` is their registration."""

from collections.abc import Callable

from anchorprune.search.budgets import within_budget
from anchorprune.search.front import Scored, preference
from anchorprune.search.methods.greedy import descend
from anchorprune.search.problem import Problem

CLOSE = 0.9  # of the budget: what costs less is not close to it


def best(problem: Problem, limit: float) -> Scored:
    """The highest AP within the budget, however little it costs."""
    return within_budget(problem, limit)


def one_se(problem: Problem, limit: float) -> Scored:
    """Of those whose AP is within one standard error of the best, the most anchors.

    The standard error is the bootstrap's, of the best subset's AP change against the full layout: both are measured on
    the same images. Rule: L. Breiman et al., "Classification and regression trees", 1984, section 3.4.3.
    """
    highest = within_budget(problem, limit)
    least = highest.ap - problem.standard_error(highest.kept)
    near = [s for s in problem.evaluated if s.price <= limit and s.ap >= least]
    return min(near, key=lambda s: (-len(s.kept), *preference(s)))


def closest(problem: Problem, limit: float) -> Scored:
    """The highest AP of those that cost at least 0.9 of the budget.

    A greedy descent from all anchors sees to it that there are some; if none is so dear, the dearest is taken. It goes
    down to one anchor whatever the budget, so that no budget's choice depends on what other budgets were asked for.
    """
    within_budget(problem, limit)
    descend(problem, problem.full, "ap", down_to=lambda scored: len(scored.kept) == 1)
    within = [s for s in problem.evaluated if s.price <= limit]
    close = [s for s in within if s.price >= CLOSE * limit]
    return min(close, key=preference) if close else min(within, key=lambda s: (-s.price, *preference(s)))


Rule = Callable[[Problem, float], Scored]
CHOICES: dict[str, Rule] = {"best": best, "one-se": one_se, "closest": closest}


def choose(problem: Problem, wanted: list[tuple[Rule, float]]) -> list[Scored]:
    """The subsets that rules take.

    Args:
        problem: searched already.
        wanted: rules, each with the highest price.
    """
    for rule, limit in wanted:
        rule(problem, limit)
    # What one scored on its way may be a better subset for another.
    return [rule(problem, limit) for rule, limit in wanted]
