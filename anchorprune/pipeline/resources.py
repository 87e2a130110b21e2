"""What a job of the pipeline asks of its machine: GPUs, cores, memory, time."""

import math
from collections.abc import Mapping
from typing import Any

# MB and minutes of a first attempt of the stages but trainings; enough for the shipped configurations on a CPU.
_DEFAULTS = {
    "predict": {"mem_mb": 3000, "runtime": 30},
    "search": {"mem_mb": 3000, "runtime": 60},
    "evaluate": {"mem_mb": 3000, "runtime": 30},
    "deploy": {"mem_mb": 3000, "runtime": 30},
}
# MB of a search: without candidates, and for each MB of its files (9.4 GB at 2.1 GB of SSD300's, as measured).
_SEARCH, _PER_FILE = 1500, 5
# MB of a training: each process with its data set, what CUDA's libraries take beside it, each data-loading process.
_PROCESS, _CUDA, _LOADER = 3000, 2000, 500
# Minutes of a training whose hours are not stated; minutes asked for per stated one (a slower machine, checkpoints).
_RUNTIME, _MARGIN = 60, 1.5


def amount(
    detector: Mapping[str, Any],
    stage: str,
    resource: str,
    attempt: int = 1,
    mode: str = "scratch",
    files: float = 0,
) -> int:
    """A detector's need for a resource in a stage: what its `resources` say, else what follows; times the attempt.

    A training's memory follows from its recipe, and its time from the hours that the detector states; a search's memory
    from the size of its files.

    Args:
        detector: configuration of the detector.
        stage: `train`, `retrain`, `predict`, `search`, `evaluate` or `deploy`.
        resource: `mem_mb` (MB) or `runtime` (minutes).
        attempt: 1 at first, 2 for the first retry, and so on.
        mode: of a training, as of `recipe_of`.
        files: MB of predictions and annotations that a search reads.
    """
    stated = detector.get("resources", {}).get(stage, {}).get(resource)
    if stated is None:
        stated = _DEFAULTS[stage][resource] if stage in _DEFAULTS else _of_training(detector, mode, resource)
        if (stage, resource) == ("search", "mem_mb"):
            stated = max(stated, math.ceil(_SEARCH + _PER_FILE * files))
    return attempt * stated


def hours_of(detector: Mapping[str, Any], mode: str) -> tuple[float, int, str] | None:
    """The hours of a training as the detector states them, how many GPUs they are of, and which; None: it does not.

    Args:
        detector: configuration of the detector.
        mode: as of `recipe_of`.
    """
    stated = detector.get("hours")
    if stated is None:
        return None
    training = stated["training"]
    return training if mode == "scratch" else stated.get("finetuning", training), stated["gpus"], stated.get("gpu", "")


def gpus(recipe: Mapping[str, Any], available: int) -> int:
    """GPUs of a job: as many as its recipe says, none where it trains on the CPU, else one where there are any.

    Args:
        recipe: of a training; empty for other jobs.
        available: GPUs of this machine, or of a cluster.
    """
    return recipe.get("gpus", 0 if "processes" in recipe else min(available, 1))


def threads(recipe: Mapping[str, Any]) -> int:
    """Cores that a training keeps busy: torch's threads and the data-loading processes, of every device."""
    return _devices(recipe) * (recipe.get("threads", 1) + recipe.get("workers", 0))


def recipe_of(detector: Mapping[str, Any], mode: str) -> Mapping[str, Any]:
    """The recipe of retraining a detector.

    Args:
        detector: configuration of the detector.
        mode: `scratch` trains it as at first; `finetune` starts from weights, and so does `once`, with anchor dropout.
    """
    if mode == "once":
        return {"anchor_dropout": {}, **detector["finetuning"]}
    return detector["finetuning" if mode == "finetune" else "training"]


def with_gpus(detector: Mapping[str, Any], count: int | None) -> dict[str, Any]:
    """A detector whose recipes train on so many GPUs, whatever they said; those of the CPU's processes stay.

    Args:
        detector: its configuration.
        count: GPUs; 0: one where there is one, else the CPU; None: as the recipes say.
    """
    result = dict(detector)
    for name in ("training", "finetuning"):
        if count is not None and "processes" not in detector[name]:
            others = {key: value for key, value in detector[name].items() if key != "gpus"}
            result[name] = {**others, "gpus": count} if count else others
    return result


def _devices(recipe: Mapping[str, Any]) -> int:
    return recipe.get("gpus", recipe.get("processes", 1))


def _of_training(detector: Mapping[str, Any], mode: str, resource: str) -> int:
    """Memory or time of a training; that of more GPUs or fewer than the hours are of is shared out among them."""
    recipe, stated = recipe_of(detector, mode), hours_of(detector, mode)
    if resource == "mem_mb":
        each = _PROCESS + _LOADER * recipe.get("workers", 0) + _CUDA * ("gpus" in recipe)
        return _devices(recipe) * each
    if stated is None or "processes" in recipe:
        return _RUNTIME
    hours, count, _ = stated
    return math.ceil(60 * hours * count / _devices(recipe) * _MARGIN)
