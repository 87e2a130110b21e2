"""From settings of the configuration to command-line arguments; the pipeline's rules use these."""

from collections.abc import Iterable, Mapping
from typing import Any


def options(settings: Mapping[str, Any]) -> list[str]:
    """Settings as options, in the order of their keys: `{"batch_size": 8}` -> `--batch-size 8`.

    A setting that is a mapping becomes one option with several values (a split's annotations and images); one that is
    true or false becomes `--amp` or `--no-amp`.
    """
    words: list[str] = []
    for key, value in sorted(settings.items()):
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{key.replace('_', '-')}")
            continue
        values = value.values() if isinstance(value, Mapping) else [value]
        words += [f"--{key.replace('_', '-')}", *map(str, values)]
    return words


def dataset_arguments(dataset: Mapping[str, Any]) -> list[str]:
    """Arguments of `anchorprune dataset`."""
    return [dataset["kind"], *options({key: value for key, value in dataset.items() if key != "kind"})]


def search_arguments(search: Mapping[str, Any], budgets: Iterable[float]) -> list[str]:
    """Arguments of `anchorprune search`, its files apart."""
    return [*options(search), *(word for budget in budgets for word in ("--budget", str(budget)))]


def retrain_arguments(detector: Mapping[str, Any], mode: str, weights: str) -> list[str]:
    """Arguments of `anchorprune retrain` for `scratch` or `finetune`, its files apart."""
    if mode == "scratch":
        return options(detector["training"])
    return ["--finetune", weights, *options(detector["finetuning"])]
