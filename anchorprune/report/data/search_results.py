"""What a search, or `anchorprune score`, left behind: APs on the prune split, before any retraining."""

from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.layout import Layout


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
    evaluated = read_evaluated(path)
    kept = " ".join(map(str, layout.kept))
    found = evaluated.loc[evaluated["kept"] == kept, "ap"]
    if found.empty:
        raise UserError(f"{path}: the search did not score the layout {kept}; search again")
    return float(found.iloc[0])


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


def read_selection(path: Path) -> dict[str, Any] | None:
    """A search's selection.json; None where the search is older than that file.

    `budgets` holds by budget, as it was written: kept, ap, ap_corrected, change, change_low, change_high, price,
    share_of_cost, same_as, stability; what was not estimated is None.

    Raises:
        UserError: the file is no selection, or of an unknown version.
    """
    if not path.exists():
        return None
    selection = read_json(path, "selection")
    if not isinstance(selection, dict) or selection.get("version") != 1:
        raise UserError(f"{path}: not a selection of version 1; search again")
    return selection
