"""Configuration files laid over each other, as Snakemake does with `--configfile`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from anchorprune.pipeline.config_files import read_config_file

SHIPPED = tuple(Path("config") / f"{name}.yaml" for name in ("datasets", "detectors", "experiments"))
SCHEMA = Path("config/schemas/experiments.schema.yaml")


def read_laid_over(files: Iterable[Path]) -> dict[str, Any]:
    """The configuration of files, each over those before it; mappings are merged, all else is replaced.

    Raises:
        UserError: as `read_config_file`.
    """
    config: dict[str, Any] = {}
    for file in files:
        config = _over(config, read_config_file(file))
    return config


def over_shipped(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration laid over the project's files in the working folder, those of them that are there.

    Raises:
        UserError: as `read_config_file`.
    """
    return _over(read_laid_over(file for file in SHIPPED if file.is_file()), config)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _over(old if isinstance(old, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return result
