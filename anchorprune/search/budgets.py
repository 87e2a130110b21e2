"""A budget is a ceiling: what may be asked for, and the best subset below it."""

from collections.abc import Callable

from anchorprune.errors import UserError
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.search.front import Scored, best_within, preference
from anchorprune.search.methods.greedy import descend
from anchorprune.search.problem import Problem


def check_budgets(head: Head, budgets: tuple[str, ...], kind: str, price: Callable[[Layout], float]) -> None:
    """Refuse a budget that no anchor fits; `kind` names the price.

    Raises:
        UserError: the budget is not a fraction in (0, 1], or below the cheapest single anchor.
    """
    full = price(Layout.full(head))
    cheapest = min(price(Layout(head, (a,))) for a in range(head.num_anchors))
    for text in budgets:
        if not 0 < float(text) <= 1:
            raise UserError(f"--budget {text}: a budget is a fraction of the full cost, over 0 and at most 1")
        if cheapest > float(text) * full:
            least = f"{cheapest / full:.4g}"
            raise UserError(
                f"--budget {text}: the cheapest anchor alone costs {least} of the full {kind}; ask for more"
            )


def score_down(problem: Problem) -> None:
    """Score what any budget may need: a greedy descent from the cheapest subset scored to one anchor, and each anchor.

    After it a budget's choice takes a subset from what is scored, whatever other budgets there are.
    """
    start = min(problem.evaluated, key=lambda s: (s.price, -s.ap, s.kept))
    descend(problem, start.kept, "ratio", down_to=lambda scored: len(scored.kept) == 1)
    problem.score([(a,) for a in problem.full])


def within_budget(problem: Problem, limit: float) -> Scored:
    """The best subset scored at no more than a price; where `score_down` was not called there may be none yet."""
    if not best_within(problem.evaluated, limit):
        score_down(problem)
    # Of some latency tables two anchors cost less than one: then nothing at all may be within.
    return best_within(problem.evaluated, limit) or min(problem.evaluated, key=lambda s: (s.price, *preference(s)))
