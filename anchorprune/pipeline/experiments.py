"""The experiments of a configuration: validated, merged with their defaults, picked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.pipeline.cross_checks import cross_check, lookup
from anchorprune.pipeline.records import Experiment, Plan
from anchorprune.pipeline.validation import validate


def plan(config: Mapping[str, Any], schema_path: str | Path, source: str = "config") -> Plan:
    """Validate a configuration and pick its experiments; every experiment is checked, picked or not.

    Args:
        config: the configuration as read from YAML.
        schema_path: the JSON schema, as YAML.
        source: the configuration's name in errors.

    Raises:
        UserError: one line that names the key, what is wrong and the values it may have.
    """
    complete = validate(config, schema_path, source)
    experiments = {name: _experiment(name, value) for name, value in complete["experiments"].items()}
    cross_check(complete, experiments, source)
    return Plan(complete, tuple(experiments[name] for name in _picked(complete, experiments, source)))


def _picked(config: Mapping[str, Any], experiments: Mapping[str, Experiment], source: str) -> list[str]:
    """The names of the experiments that `run` picks, groups spelt out, each once."""
    groups = config["groups"]
    for group, members in groups.items():
        if group in experiments:
            raise UserError(f"{source}: groups.{group}: an experiment has this name; choose another")
        for name in members:
            lookup(experiments, name, f"{source}: groups.{group}", "experiment")
    run = config["run"]
    wanted = [name.strip() for name in (run.split(",") if isinstance(run, str) else run)]
    table = {**{name: [name] for name in experiments}, **groups}
    picked = (lookup(table, name, f"{source}: run", "experiment") for name in wanted)
    return list(dict.fromkeys(name for names in picked for name in names))


def _experiment(name: str, value: Mapping[str, Any]) -> Experiment:
    lists = ("anchor_sets", "seeds", "searches", "budgets", "layouts", "controls")
    return Experiment(name=name, **{**value, **{key: tuple(value[key]) for key in lists}})
