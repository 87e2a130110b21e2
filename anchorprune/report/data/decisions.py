"""What `retrain: auto` decided, and the evidence of each step, from the decision.json of a detector."""

from typing import Any

import pandas as pd

from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.report.data.ap_changes import NONE
from anchorprune.report.data.manifest import configuration, is_pruned
from anchorprune.report.data.section import Section

EVIDENCE = ("ap", "ap_change", "low", "high", "no_loss")
COLUMNS = ["anchor_set", "seed", "configuration", "finish", "step", *EVIDENCE, "verdict"]


def read_decision(path: str) -> dict[str, Any]:
    """A decision.json: `finish`, and `steps`, each with `step`, EVIDENCE (AP) and `verdict`.

    Raises:
        UserError: the file is missing or no decision.
    """
    decision = read_json(path, "decision")
    steps = decision.get("steps") if isinstance(decision, dict) else None
    if not isinstance(steps, list) or not all(isinstance(step, dict) and "step" in step for step in steps):
        raise UserError(f"{path}: not a decision (`finish` and a list of `steps`); run the stage that writes it again")
    return {"finish": "", **decision}


def decisions(section: Section) -> pd.DataFrame:
    """COLUMNS, a row per decision and step, in the order of the steps; one decision for several budgets stands once."""
    shared: dict[str, list[int]] = {}
    for i, entry in enumerate(section.entries):
        if is_pruned(entry) and "decision" in entry["files"]:
            shared.setdefault(entry["files"]["decision"], []).append(i)
    rows = []
    for path, chosen in shared.items():
        decision, entry = read_decision(path), section.entries[chosen[0]]
        names = {"anchor_set": entry["anchor_set"], "seed": entry["seed"], "finish": decision["finish"]}
        names["configuration"] = "; ".join(dict.fromkeys(configuration(section.entries[i]) for i in chosen))
        for step in decision["steps"]:
            values = {name: NONE if step.get(name) is None else step[name] for name in EVIDENCE}
            rows.append({**names, "step": step["step"], **values, "verdict": step.get("verdict") or ""})
    return pd.DataFrame(rows, columns=COLUMNS)
