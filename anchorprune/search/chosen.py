"""One budget's layout, taken from the log of a finished search: nothing is searched again."""

from dataclasses import replace
from typing import Any

from anchorprune.errors import UserError
from anchorprune.scoring import Scorer
from anchorprune.search.budgets import check_budgets
from anchorprune.search.choice import CHOICES, choose
from anchorprune.search.correction import corrected
from anchorprune.search.folds import cross_fit_again, ignored
from anchorprune.search.front import Scored
from anchorprune.search.log import Log
from anchorprune.search.output import budget_row
from anchorprune.search.pricing import pricer
from anchorprune.search.problem import Problem
from anchorprune.search.run import Options


def choose_budget(
    scorer: Scorer, log: Log, options: Options, budget: str, resamples: int
) -> tuple[Scored, dict[str, Any]]:
    """What a search's choice takes within a budget, and its row as `output.budget_row` has it.

    The same as `anchorprune search --budget` takes: a search for any budget has scored all that a choice may ask for.

    Args:
        scorer: of the predictions that were searched.
        log: of the search.
        options: `latency_table`, where the search's cost needs one; the others are the log's.
        budget: fraction of the full cost, as text.
        resamples: of the interval; 0: none.

    Raises:
        UserError: the log is of other predictions, or no anchor fits the budget.
    """
    options = replace(options, **{name: log.about[name] for name in ("cost", "choice", "seed")})
    check_budgets(scorer.head, (budget,), options.cost, pricer(options))
    problem = Problem(scorer, options, watch=ignored)
    problem.take_over(log.aps)
    full = problem.score_one(problem.full)
    if full.ap != scorer.ap(problem.full):
        raise UserError("the search saw other predictions or annotations than these; search again")
    wanted = [(CHOICES[options.choice], float(budget) * full.price)]
    scored = choose(problem, wanted)[0]
    fit = cross_fit_again(scorer, options, wanted, log.folds)
    found = corrected(scorer, full.kept, fit, resamples, log.aps)[0] if log.folds else None
    return scored, budget_row(scored, full, found)
