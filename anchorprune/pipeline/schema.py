"""The schema of a configuration: what it leaves to the package's registries is filled in."""

from pathlib import Path
from typing import Any

import yaml

from anchorprune.heads.cost import COSTS
from anchorprune.search.methods import METHODS

# What `enumFrom` in a schema can name -> the values that are allowed.
REGISTRIES = {
    "search methods": list(METHODS),
    "costs": list(COSTS),
    "costs by table": [name for name, kind in COSTS.items() if kind.from_table],
}


def read_schema(path: str | Path) -> dict[str, Any]:
    """A JSON schema, written as YAML; `enumFrom: NAME` in it becomes the `enum` of a registry's names."""
    with Path(path).open() as stream:
        return _filled(yaml.safe_load(stream))


def _filled(rule: Any) -> Any:
    if isinstance(rule, list):
        return [_filled(item) for item in rule]
    if not isinstance(rule, dict):
        return rule
    filled = {key: _filled(value) for key, value in rule.items() if key != "enumFrom"}
    return {**filled, "enum": REGISTRIES[rule["enumFrom"]]} if "enumFrom" in rule else filled
