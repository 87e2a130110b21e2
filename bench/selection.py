"""How far a search's AP is to be believed: `python -m bench.selection PREDICTIONS ANNOTATIONS --images 40 100`.

Again and again some images are drawn for the search and the others held out. Each rule chooses a layout for each
budget from the search's images; its AP change against the full layout is estimated from those images, as it was found
and cross-fitted, and measured on the images held out. Without files: of a simulated SSD300. Prints a table and writes
all draws to `selection.csv`.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from anchorprune.datasets.coco import read_coco
from anchorprune.heads.layout import Subset
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring import INTERVAL, Bootstrap, Scorer
from anchorprune.search.budgets import within_budget
from anchorprune.search.choice import CHOICES
from anchorprune.search.correction import NORMAL, corrected
from anchorprune.search.folds import CrossFit, cross_fit
from anchorprune.search.front import Scored, pareto_front
from anchorprune.search.problem import Problem
from anchorprune.search.run import Options, searched
from bench import simulate


def fewer(problem: Problem, limit: float) -> Scored:
    """The cheapest within one standard error of the best: the rule the other way round."""
    highest = within_budget(problem, limit)
    least = highest.ap - problem.standard_error(highest.kept)
    return min((s for s in problem.evaluated if s.ap >= least and s.price <= limit), key=lambda s: (s.price, -s.ap))


# `closest` comes last, as it scores subsets of its own that another rule could take.
RULES = {"best": CHOICES["best"], "one-se": CHOICES["one-se"], "one-se, fewer": fewer, "closest": CHOICES["closest"]}


def unselected(problem: Problem, limit: float, rng: np.random.Generator) -> Subset:
    """Anchors drawn at random while they fit: what an interval is worth where nothing was picked."""
    kept: Subset = ()
    for anchor in rng.permutation(problem.full).tolist():
        if problem.price(tuple(sorted((*kept, anchor)))) <= limit:
            kept = tuple(sorted((*kept, anchor)))
    return kept


def voted(problem: Problem, limit: float, votes: list[Subset]) -> Subset:
    """The anchors that most of the searches keep, the most votes first, while they fit."""
    share = {a: sum(a in kept for kept in votes) for a in problem.full}
    kept: Subset = ()
    for anchor in sorted(problem.full, key=lambda a: (-share[a], a not in votes[0], a)):
        more = tuple(sorted((*kept, anchor)))
        if 2 * share[anchor] > len(votes) and problem.price(more) <= limit:
            kept = more
    return kept or votes[0]


class Measured:
    """AP changes of subsets against the full layout on some images, with standard error and interval."""

    def __init__(self, scorer: Scorer, resamples: int):
        self._scorer, self._bootstrap = scorer, Bootstrap(scorer, resamples)
        self._full = tuple(range(scorer.head.num_anchors))
        self._aps, self._known = self._bootstrap.aps(self._full), {}

    def __call__(self, kept: Subset) -> tuple[float, float, float, float]:
        """Change, standard error, low, high."""
        if kept not in self._known:
            aps = self._bootstrap.aps(kept) - self._aps
            change = self._scorer.ap(kept) - self._scorer.ap(self._full)
            self._known[kept] = change, float(aps.std()), *np.percentile(aps, INTERVAL).tolist()
        return self._known[kept]


def one_draw(scorer: Scorer, images: int, given: argparse.Namespace, seed: int) -> list[dict[str, object]]:
    """Every rule and budget on one drawing of the images."""
    rng = np.random.default_rng([seed, images])
    mask = np.zeros(len(scorer.images), np.bool_)
    mask[rng.permutation(len(mask))[:images]] = True
    mine, options = scorer.on(mask), Options(given.method, max_subsets=given.most, seed=seed)
    problem = searched(mine, options)
    cases = [(name, budget, budget * problem.price(problem.full)) for name in RULES for budget in given.budgets]
    wanted = [(RULES[name], limit) for name, _, limit in cases]
    front = pareto_front(problem.evaluated)
    taken = [rule(problem, limit).kept for rule, limit in wanted]
    alone = len(cases) - len(given.budgets)  # from here on `closest`, in searches of its own for the same reason
    wanted[alone:alone] = [(within_budget, s.price) for s in front]
    fits = [
        cross_fit(mine, lambda scorer: options, part, given.folds)
        for part in (wanted[: alone + len(front)], wanted[alone + len(front) :])
    ]
    of_rules, of_front = (
        CrossFit(fits[0].fold, [chosen[part] for chosen in fits[0].chosen])
        for part in (slice(alone), slice(alone, None))
    )
    known = {scored.kept: scored.ap for scored in problem.evaluated}
    after = [a for fit in (of_rules, fits[1]) for a in corrected(mine, problem.full, fit, given.resamples, known)]
    front_after = corrected(mine, problem.full, of_front, 0, known)
    here, there = Measured(mine, given.resamples), Measured(scorer.on(~mask), given.resamples)
    rows = []
    for index, (name, budget, limit) in enumerate(cases):
        rows.append(_row(problem, (seed, images, budget, name), taken[index], here, there))
        now = after[index]
        rows[-1] |= {"corrected": now.change, "corrected_low": now.low, "corrected_high": now.high}
        if name == "best":
            votes = [taken[index], *(chosen[index] for chosen in of_rules.chosen)]
            fitting = [(s, now.ap) for s, now in zip(front, front_after, strict=True) if s.price <= limit]
            for other, kept in (
                ("corrected", max(fitting, key=lambda pair: pair[1])[0].kept if fitting else taken[index]),
                ("voted", voted(problem, limit, votes)),
                ("random anchors", unselected(problem, limit, rng)),
            ):
                rows.append(_row(problem, (seed, images, budget, other), kept, here, there))
    return rows


def _row(problem: Problem, named: tuple, kept: Subset, here: Measured, there: Measured) -> dict[str, object]:
    names = dict(zip(("draw", "images", "budget", "rule"), named, strict=True))
    share = problem.price(kept) / problem.price(problem.full)
    change, error, low, high = here(kept)
    held, held_error, *_ = there(kept)
    found = {"found": change, "found_error": error, "found_low": low, "found_high": high}
    return {**names, "share": share, "anchors": len(kept), **found, "held": held, "held_error": held_error}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """By images and rule, over draws and budgets: APs in points of 0.01.

    `found` and `corrected` are the estimated changes, `held` the change on held-out images, `optimism` an estimate less
    `held`. `covers` is the share of 95 % intervals that hold `held`; `covers*` allows for the held-out images' own
    noise, so that it is 95 % where an estimate is unbiased and its interval right. `gain` is `held` less that of
    `best` on the same draw, with two standard errors over the draws.
    """
    rows = rows.assign(width=rows.corrected_high - rows.corrected_low)
    best = rows[rows.rule == "best"].set_index(["images", "draw", "budget"]).held
    rows = rows.join(best.rename("best"), on=["images", "draw", "budget"])
    table = []
    for (images, rule), mine in rows.groupby(["images", "rule"], sort=False):
        gain = (mine.held - mine.best).groupby(mine.draw).mean()
        known, noise = mine.corrected.notna(), np.hypot(mine.width / 2 / NORMAL, mine.held_error)
        table.append(
            {
                "images": images,
                "rule": rule,
                "share": mine.share.mean(),
                "found": 100 * mine.found.mean(),
                "corrected": 100 * mine.corrected.mean(),
                "held": 100 * mine.held.mean(),
                "optimism": 100 * (mine.found - mine.held).mean(),
                "after": 100 * (mine.corrected - mine.held).mean(),
                "covers": mine.held.between(mine.found_low, mine.found_high).mean(),
                "covers*": _within(mine.found - mine.held, np.hypot(mine.found_error, mine.held_error)),
                "after_covers": mine.held.between(mine.corrected_low, mine.corrected_high)[known].mean(),
                "after_covers*": _within(mine.corrected - mine.held, noise),
                "gain": 100 * gain.mean(),
                "gain_2se": 200 * gain.std() / max(len(gain), 1) ** 0.5,
            }
        )
    return pd.DataFrame(table)


def _within(error: pd.Series, noise: pd.Series) -> float:
    return float((error.abs() <= NORMAL * noise + 1e-12)[error.notna()].mean())


def main() -> None:
    """Draw, search, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.selection", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--images", nargs="+", type=int, default=[40, 100])
    parser.add_argument("--budgets", nargs="+", type=float, default=[0.8, 0.5, 0.3])
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=600, help="no new draw after so many (%(default)s)")
    parser.add_argument("--method", default="best")
    parser.add_argument("--most", type=int, help="subsets a search scores")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--simulated", type=int, default=1500, help="images, without files")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    if given.files:
        scorer = Scorer(Predictions.open(given.files[0]), read_coco(given.files[1]), given.threads)
    else:
        truth = simulate.annotations(given.simulated)
        with tempfile.TemporaryDirectory() as folder:
            simulate.write_predictions(Path(folder) / "p.parquet", truth)
            scorer = Scorer(Predictions.open(Path(folder) / "p.parquet"), truth, given.threads)
    rows, start = [], time.monotonic()
    for draw in range(given.draws):
        if time.monotonic() - start > given.seconds:
            break
        for images in given.images:
            rows += one_draw(scorer, images, given, draw)
    given.output.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    table.to_csv(given.output / "selection.csv", index=False)
    print(f"{table.draw.nunique()} draws of {len(scorer.images)} images, budgets {given.budgets}")
    print(summary(table).to_string(index=False, float_format=lambda value: f"{value:.3f}"))


if __name__ == "__main__":
    main()
