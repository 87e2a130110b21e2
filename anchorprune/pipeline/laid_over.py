"""Configuration files laid over each other, as Snakemake does with `--configfile`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from anchorprune.errors import UserError
from anchorprune.pipeline.yaml_numbers import read_value

SHIPPED = tuple(Path("config") / f"{name}.yaml" for name in ("datasets", "detectors", "experiments"))
SCHEMA = Path("config/schemas/experiments.schema.yaml")


def read_laid_over(files: Iterable[Path]) -> dict[str, Any]:
    """The configuration of files, each over those before it; mappings are merged, all else is replaced.

    Raises:
        UserError: a file is missing, is no YAML, or no mapping.
    """
    config: dict[str, Any] = {}
    for file in files:
        config = _over(config, _read(file))
    return config


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _over(old if isinstance(old, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return result


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = read_value(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot read this configuration ({error.strerror}); check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not readable YAML ({' '.join(str(error).split())})") from None
    if found is not None and not isinstance(found, Mapping):
        raise UserError(f"{file}: not a configuration; its top level is no mapping")
    return found or {}
