"""What a search, or `anchorprune score`, left behind: APs on the prune split, before any retraining."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.layout import Layout
from anchorprune.report.data.ap_changes import NONE, ApChange


def read_score(path: Path) -> float:
    """The AP that `anchorprune score` printed.

    Raises:
        UserError: the file is missing or holds no AP.
    """
    score = read_json(path, "score")
    if not isinstance(score, dict) or not isinstance(score.get("ap"), int | float):
        raise UserError(f"{path}: key 'ap' is missing; write it again with `anchorprune score`")
    return float(score["ap"])


def read_evaluated(path: Path) -> pd.DataFrame:
    """Every subset a search scored, in order."""
    try:
        return pd.read_parquet(path, use_threads=False)  # pyarrow's threads can abort a process that ends soon after
    except FileNotFoundError:
        raise UserError(f"{path}: no such search result; search again") from None


def search_ap(path: Path, layout: Layout) -> float:
    """The AP on the prune split that a search found for a layout.

    Raises:
        UserError: the search never scored it.
    """
    return float(_scored(path, layout)["ap"])


def latency_of(files: Mapping[str, str], layout: Layout) -> float:
    """Milliseconds of a layout by the latency table of its search; NaN where the search was after another cost."""
    if "decision" in files:
        return float(read_json(files["decision"], "decision").get("price", NONE))
    if "evaluated" not in files:
        return NONE
    return float(_scored(Path(files["evaluated"]), layout).get("latency", NONE))


def corrected(files: Mapping[str, str], budget: float) -> tuple[float, ApChange]:
    """Cross-fitted AP of a budget's choice and its change against the full layout, prune split; NaN without folds."""
    found = selected(files, budget)
    if found.get("ap_corrected") is None:
        return NONE, ApChange()
    ends = (found[name] if found[name] is not None else NONE for name in ("change_low", "change_high"))
    return found["ap_corrected"], ApChange(found["change"], *ends)


def searched_change(files: Mapping[str, str], layout: Layout) -> ApChange:
    """The AP change against the full layout that a search saw, of a layout of its front; else NaN."""
    if "front" not in files or _is_of_another_front(files):
        return ApChange()
    front = read_front(files["front"])
    found = front[front["kept"] == " ".join(map(str, layout.kept))]
    if found.empty or "difference" not in front:
        return ApChange()
    return ApChange(*(float(found.iloc[0][name]) for name in ("difference", "low", "high")))


def _is_of_another_front(files: Mapping[str, str]) -> bool:
    """Whether the layout is of a detector that was fine-tuned first (`retrain: auto`), and the front is not."""
    return "decision" in files and read_json(files["decision"], "decision")["finish"] == "once"


def _scored(path: Path, layout: Layout) -> pd.Series:
    evaluated = read_evaluated(path)
    kept = " ".join(map(str, layout.kept))
    found = evaluated[evaluated["kept"] == kept]
    if found.empty:
        raise UserError(f"{path}: the search did not score the layout {kept}; search again")
    return found.iloc[0]


def read_front(path: str) -> pd.DataFrame:
    """A search's front.csv.

    Raises:
        UserError: the file is missing or is no front.
    """
    try:
        front = pd.read_csv(path, dtype={"kept": str})
    except FileNotFoundError:
        raise UserError(f"{path}: no such front; search again") from None
    missing = [name for name in ("kept", "ap", "macs", "boxes") if name not in front]
    if missing:
        raise UserError(f"{path}: column {missing[0]!r} is missing; search again")
    return front


def selected(files: Mapping[str, str], budget: float) -> dict[str, Any]:
    """What a search's choice-BUDGET.json or selection.json says of a budget, see docs/how-sure.md; {} without either.

    Raises:
        UserError: the file is no selection, or of an unknown version.
    """
    if "choice" in files:
        return _read_selection(files["choice"])
    if "selection" not in files:
        return {}
    budgets = _read_selection(files["selection"])["budgets"]
    return next((found for text, found in budgets.items() if float(text) == budget), {})


def choice_facts(files: Mapping[str, str]) -> dict[str, Any]:
    """What a selection.json says of its search: `choice`, `folds`, ..; {} without one; errors as `selected`."""
    return _read_selection(files["selection"]) if "selection" in files else {}


def warnings_of(path: str) -> list[str]:
    """Why to be careful with a search, as its selection.json says; errors as `selected`."""
    return _read_selection(path)["warnings"]


def _read_selection(path: str) -> dict[str, Any]:
    selection = read_json(path, "selection")
    if not isinstance(selection, dict) or selection.get("version") != 1:
        raise UserError(f"{path}: not a selection of version 1; search again")
    return selection
