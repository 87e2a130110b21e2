"""The experiments of a configuration: validated, merged with their defaults, one for each way, picked."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.pipeline.cross_checks import check_together, cross_check, lookup
from anchorprune.pipeline.records import Experiment, Plan
from anchorprune.pipeline.resources import with_gpus
from anchorprune.pipeline.validation import validate


def plan(config: Mapping[str, Any], schema_path: str | Path, source: str = "config") -> Plan:
    """Validate a configuration and pick its experiments; every experiment is checked, picked or not.

    An experiment NAME whose `retrain` is a list of ways becomes an experiment NAME-WAY for each; `run` may name all of
    them by NAME, or one.

    Args:
        config: the configuration as read from YAML.
        schema_path: the JSON schema, as YAML.
        source: the configuration's name in errors.

    Raises:
        UserError: one line that names the key, what is wrong and the values it may have.
    """
    complete = validate(config, schema_path, source)
    named = _named(complete["experiments"], source)
    experiments = {one.name: one for several in named.values() for one in several}
    cross_check(complete, experiments, source)
    picked = _picked(complete, named, source)
    check_together(picked, source)
    gpus, detectors = complete.get("gpus"), complete["detectors"]
    complete["detectors"] = {name: with_gpus(detector, gpus) for name, detector in detectors.items()}
    return Plan(complete, tuple(picked))


def _named(given: Mapping[str, Mapping[str, Any]], source: str) -> dict[str, list[Experiment]]:
    """What each name stands for: its experiment, or one for each way; each of these by its own name too."""
    found = {name: _experiments(name, value) for name, value in given.items()}
    for name, several in list(found.items()):
        for one in several if several[0].compared else ():
            if one.name in found:
                where = f"{source}: experiments.{name}.retrain: {one.retrain}"
                raise UserError(f"{where} makes an experiment {one.name}, and there is one of this name; rename one")
            found[one.name] = [one]
    return found


def _picked(config: Mapping[str, Any], named: Mapping[str, list[Experiment]], source: str) -> list[Experiment]:
    """The experiments that `run` picks, groups spelt out, each once."""
    table = dict(named)
    for group, members in config["groups"].items():
        if group in named:
            raise UserError(f"{source}: groups.{group}: an experiment has this name; choose another")
        each = [lookup(named, name, f"{source}: groups.{group}", "experiment") for name in members]
        table[group] = [one for several in each for one in several]
    run = config["run"]
    wanted = [name.strip() for name in (run.split(",") if isinstance(run, str) else run)]
    picked = (lookup(table, name, f"{source}: run", "experiment") for name in wanted)
    return list({one.name: one for several in picked for one in several}.values())


def _experiments(name: str, value: Mapping[str, Any]) -> list[Experiment]:
    """An experiment, or one for each way where `retrain` lists several."""
    lists = ("anchor_sets", "seeds", "searches", "budgets", "layouts", "controls")
    one = Experiment(name=name, **{**value, **{key: tuple(value[key]) for key in lists}})
    if isinstance(one.retrain, str):
        return [one]
    return [replace(one, name=f"{name}-{way}", retrain=way, compared=name) for way in one.retrain]
