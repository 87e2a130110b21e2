"""One search from options to results: the method, then the budgets."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from anchorprune.errors import UserError
from anchorprune.heads.latency_table import LatencyTable
from anchorprune.scoring import Scorer
from anchorprune.search.budgets import check_budgets, score_down
from anchorprune.search.choice import CHOICES, choose
from anchorprune.search.front import Scored, pareto_front
from anchorprune.search.journal import Journal
from anchorprune.search.methods import load
from anchorprune.search.pricing import pricer
from anchorprune.search.problem import EnoughScored, Problem


@dataclass(frozen=True)
class Options:
    """What a search is told; each method says which of its options it heeds.

    Attributes:
        method: one of METHODS.
        cost: one of COSTS: what AP is traded against.
        min_ap: subsets below this AP are not pursued.
        criterion: `ap` or `ratio`.
        max_per_level: anchors a level may keep.
        max_subsets: the most subsets the method scores; None: its own default, or no limit.
        seed: of what the method draws.
        latency_table: of the head, for a cost that is counted by it.
        choice: one of CHOICES: which subset within a budget is taken.
        any_budget: score, after the method's run, what any budget's choice may take.
    """

    method: str = "best"
    cost: str = "macs"
    min_ap: float = 0.0
    criterion: str = "ap"
    max_per_level: int | None = None
    max_subsets: int | None = None
    seed: int = 0
    latency_table: LatencyTable | None = None
    choice: str = "best"
    any_budget: bool = False


@dataclass(frozen=True)
class Result:
    """A finished search.

    Attributes:
        evaluated: every subset scored, in order; the full set is always among them.
        front: the Pareto set, dearest first.
        budgets: the subset chosen for each budget.
    """

    evaluated: list[Scored]
    front: list[Scored]
    budgets: dict[str, Scored]

    @property
    def full(self) -> Scored:
        """The unpruned detector."""
        return max(self.evaluated, key=lambda scored: len(scored.kept))


def searched(
    scorer: Scorer,
    options: Options,
    journal: Journal | None = None,
    watch: Callable[[Scored], None] = lambda scored: None,
) -> Problem:
    """The problem after the method's run; arguments as in `search`."""
    if options.max_subsets is not None and options.max_subsets < 1:
        raise UserError("--max-subsets must be at least 1")
    method, problem = load(options.method), Problem(scorer, options, journal, watch)
    if most := options.max_subsets or method.default_subsets:
        problem.limit = min(most, problem.num_subsets)
    problem.score_one(problem.full)
    with contextlib.suppress(EnoughScored):
        method.run(problem)
    problem.limit = None
    if options.any_budget:
        score_down(problem)
        CHOICES[options.choice](problem, problem.price(problem.full))  # a rule may score more
    return problem


def search(
    scorer: Scorer,
    options: Options,
    budgets: tuple[str, ...] = (),
    journal: Journal | None = None,
    watch: Callable[[Scored], None] = lambda scored: None,
) -> Result:
    """Run a search.

    Args:
        scorer: scores the subsets.
        options: the method and its options.
        budgets: fractions of the full cost, as text, since layouts are named by it.
        journal: where scored subsets are logged and found again after a kill.
        watch: called with every subset scored.

    Raises:
        UserError: the head does not suit the method, or no anchor fits a budget.
    """
    check_budgets(scorer.head, budgets, options.cost, pricer(options))
    problem = searched(scorer, replace(options, any_budget=True) if budgets else options, journal, watch)
    limits = [float(text) * problem.price(problem.full) for text in budgets]
    chosen = choose(problem, [(CHOICES[options.choice], limit) for limit in limits])
    return Result(problem.evaluated, pareto_front(problem.evaluated), dict(zip(budgets, chosen, strict=True)))
