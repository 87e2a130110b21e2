"""A sweep: a configuration of many experiments, two of each on one training."""

from typing import Any

from backends.trained import CONFIG

BUDGETS = ((0.7, 0.4), (0.7, 0.5))  # of the first on a training, and of the second


def sweep(experiments: int) -> dict[str, Any]:
    """Many experiments of the linear detector: one anchor set, one search, two budgets, fine-tuned; seeds in pairs."""
    names = [f"e{i:04}" for i in range(experiments)]
    shared = {"detector": "linear", "dataset": "few", "anchor_sets": ["own"], "searches": ["greedy"]}
    return {
        "run": names,
        "datasets": {"few": {"kind": "scenes", "seed": 1, "train": 120, "prune": 30, "test": 30}},
        "detectors": {
            "linear": {"backend": "linear", "config": str(CONFIG), "anchor_sets": {"own": {"from": "config"}}}
        },
        "experiments": {
            name: {**shared, "seeds": [i // 2], "budgets": list(BUDGETS[i % 2]), "retrain": "finetune"}
            for i, name in enumerate(names)
        },
    }
