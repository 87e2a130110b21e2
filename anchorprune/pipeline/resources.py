"""What a job of the pipeline asks of its machine: GPUs, memory, time."""

from collections.abc import Mapping
from typing import Any

# MB and minutes of a first attempt; enough for the shipped configurations on a CPU.
_DEFAULTS = {
    "train": {"mem_mb": 3000, "runtime": 60},
    "retrain": {"mem_mb": 3000, "runtime": 60},
    "predict": {"mem_mb": 3000, "runtime": 30},
    "evaluate": {"mem_mb": 3000, "runtime": 30},
}


def amount(detector: Mapping[str, Any], stage: str, resource: str, attempt: int = 1) -> int:
    """A detector's need for a resource in a stage: what its `resources` say, else the default; times the attempt.

    Args:
        detector: configuration of the detector.
        stage: `train`, `retrain`, `predict` or `evaluate`.
        resource: `mem_mb` (MB) or `runtime` (minutes).
        attempt: 1 at first, 2 for the first retry, and so on.
    """
    stated = detector.get("resources", {}).get(stage, {})
    return attempt * stated.get(resource, _DEFAULTS[stage][resource])


def gpus(recipe: Mapping[str, Any], available: int) -> int:
    """GPUs of a job: as many as its recipe says, none where it trains on the CPU, else one where there are any.

    Args:
        recipe: of a training; empty for other jobs.
        available: GPUs of this machine.
    """
    return recipe.get("gpus", 0 if "processes" in recipe else min(available, 1))


def threads(recipe: Mapping[str, Any]) -> int:
    """Cores that a training keeps busy: torch's threads and the data-loading processes, of every device."""
    devices = recipe.get("gpus", recipe.get("processes", 1))
    return devices * (recipe.get("threads", 1) + recipe.get("workers", 0))


def recipe_of(detector: Mapping[str, Any], mode: str) -> Mapping[str, Any]:
    """The recipe of retraining a detector.

    Args:
        detector: configuration of the detector.
        mode: `scratch` trains it as at first; `finetune` starts from weights, and so does `once`, with anchor dropout.
    """
    if mode == "once":
        return {"anchor_dropout": {}, **detector["finetuning"]}
    return detector["finetuning" if mode == "finetune" else "training"]
