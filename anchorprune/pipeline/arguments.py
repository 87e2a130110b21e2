"""From settings of the configuration to command-line arguments; the pipeline's rules use these."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from anchorprune.datasets.kinds import kind_of


def options(settings: Mapping[str, Any]) -> list[str]:
    """Settings as options, in the order of their keys: `{"batch_size": 8}` -> `--batch-size 8`.

    A setting that is a tuple becomes one option with several values, one that is a mapping one with its JSON
    (`anchor_dropout`), and one that is true or false becomes `--amp` or `--no-amp`.
    """
    words: list[str] = []
    for key, value in sorted(settings.items()):
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{key.replace('_', '-')}")
            continue
        if isinstance(value, Mapping):
            value = json.dumps(value)
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{key.replace('_', '-')}", *map(str, values)]
    return words


def dataset_arguments(dataset: Mapping[str, Any]) -> list[str]:
    """Arguments of `anchorprune dataset`; a list becomes its option several times."""
    given = kind_of(dataset).options(dataset)
    settings = {key: value for key, value in given.items() if key not in ("kind", "download", "limit")}
    for split in (key for key, value in settings.items() if isinstance(value, Mapping)):
        settings[split] = tuple(settings[split].values())  # its annotations and images
    repeated = {key: settings.pop(key) for key in sorted(settings) if isinstance(settings[key], list)}
    words = [word for key, values in repeated.items() for value in values for word in (f"--{key}", value)]
    words += [word for name, count in dataset.get("limit", {}).items() for word in ("--limit", name, str(count))]
    return [dataset["kind"], *options(settings), *words]


def detector_arguments(detector: Mapping[str, Any], anchors: Any) -> list[str]:
    """Arguments that name a detector to `anchorprune train` and `convert`: its config and what changes it."""
    words = [detector["config"], "--backend", detector["backend"]]
    for key, value in sorted(detector["options"].items()):
        words += ["--option", f"{key}={json.dumps(value)}"]
    return [*words, *(["--anchors", str(anchors)] if anchors else [])]


def layout_arguments(layout: Mapping[str, Iterable[int]]) -> list[str]:
    """Arguments of `anchorprune layout`: `{"drop": [5, 7]}` -> `--drop 5,7`."""
    return [word for key, indices in layout.items() for word in (f"--{key}", ",".join(map(str, indices)))]


def choose_arguments(search: Mapping[str, Any]) -> list[str]:
    """Arguments of `anchorprune choose`, its files and the budget apart: those of its search's settings it shares."""
    return options({key: search[key] for key in ("latency_table", "resamples") if key in search})
