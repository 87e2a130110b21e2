"""The experiments of a configuration: validated, merged with their defaults, cross-checked."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from anchorprune.errors import UserError


@dataclass(frozen=True)
class Experiment:
    """One experiment to run, with what its names stand for.

    Attributes:
        name: its key under `experiments`.
        detector: name of the detector.
        dataset: name of the data set.
        anchor_sets: names of the anchor sets, one training each per seed.
        seeds: seeds of the trainings.
        searches: names of the searches.
        budgets: fractions of the full head's cost.
        retrain: `scratch`, `finetune` or `none`.
        expected: what the config says to expect.
    """

    name: str
    detector: str
    dataset: str
    anchor_sets: tuple[str, ...]
    seeds: tuple[int, ...]
    searches: tuple[str, ...]
    budgets: tuple[float, ...]
    retrain: str
    description: str = ""
    expected: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """A validated configuration with every default filled in, and the experiments that `run` picks."""

    config: Mapping[str, Any]
    run: tuple[Experiment, ...]


def plan(config: Mapping[str, Any], schema_path: str | Path, source: str = "config") -> Plan:
    """Validate a configuration and pick its experiments; every experiment is checked, picked or not.

    Args:
        config: the configuration as read from YAML.
        schema_path: the JSON schema, as YAML.
        source: the configuration's name in errors.

    Raises:
        UserError: one line that names the key, what is wrong and the values it may have.
    """
    with Path(schema_path).open() as stream:
        schema = yaml.safe_load(stream)
    config, validator = copy.deepcopy(dict(config)), Draft202012Validator(schema)
    _read_numbers(config, validator)
    error = _most_telling(validator.iter_errors(config))
    if error is not None:
        raise UserError(f"{source}: {_describe(error, schema)}")
    _fill_defaults(config, schema, schema)
    experiments = {name: _experiment(name, value) for name, value in config["experiments"].items()}
    for experiment in experiments.values():
        _check_names(experiment, config, source)
    for detector, value in config["detectors"].items():
        for anchor_set, anchors in value["anchor_sets"].items():
            _check_anchor_set(f"{source}: detectors.{detector}.anchor_sets.{anchor_set}", anchors)
    wanted = config["run"].split(",") if isinstance(config["run"], str) else config["run"]
    return Plan(config, tuple(_lookup(experiments, n.strip(), f"{source}: run", "experiment") for n in wanted))


def expand_anchors(anchor_set: Mapping[str, Any]) -> dict[str, Any]:
    """An anchor set with every anchor spelt out: strides, and levels of [w, h] pairs in input pixels."""
    levels = []
    for level in anchor_set["levels"]:
        anchors = [list(map(float, pair)) for pair in level.get("anchors", [])]
        anchors += [[s / r**0.5, s * r**0.5] for s in level.get("sizes", []) for r in level.get("ratios", [1])]
        levels.append(anchors)
    return {"strides": list(anchor_set["strides"]), "levels": levels}


def _experiment(name: str, value: Mapping[str, Any]) -> Experiment:
    listed = {key: tuple(value[key]) for key in ("anchor_sets", "seeds", "searches", "budgets")}
    return Experiment(name=name, **{**value, **listed})


def _check_names(experiment: Experiment, config: Mapping[str, Any], source: str) -> None:
    where = f"{source}: experiments.{experiment.name}"
    detector = _lookup(config["detectors"], experiment.detector, f"{where}.detector", "detector")
    _lookup(config["datasets"], experiment.dataset, f"{where}.dataset", "data set")
    for name in experiment.anchor_sets:
        _lookup(detector["anchor_sets"], name, f"{where}.anchor_sets", f"anchor set of detector {experiment.detector}")
    for name in experiment.searches:
        _lookup(config["searches"], name, f"{where}.searches", "search")


def _check_anchor_set(where: str, anchor_set: Mapping[str, Any]) -> None:
    strides, levels = anchor_set["strides"], anchor_set["levels"]
    if len(strides) != len(levels):
        raise UserError(f"{where}.levels: {len(levels)} levels for {len(strides)} strides; give one level per stride")
    if not any(expand_anchors(anchor_set)["levels"]):
        raise UserError(f"{where}.levels: no anchor on any level; give at least one")


def _lookup(table: Mapping[str, Any], name: str, where: str, what: str) -> Any:
    if name not in table:
        raise UserError(f"{where}: unknown {what} {name!r}; known: {', '.join(sorted(table))}")
    return table[name]


def _read_numbers(config: dict[str, Any], validator: Draft202012Validator) -> None:
    """Make numbers of strings where the schema wants numbers, in place.

    Snakemake reads what is nested in a `--config` option as strings.
    """
    for error in _with_choices(validator.iter_errors(config)):
        if error.validator == "type" and isinstance(error.instance, str) and "str" not in error.validator_value:
            number = yaml.safe_load(error.instance) if error.instance.strip() else None
            if isinstance(number, int | float):
                place = config
                *path, last = error.absolute_path
                for key in path:
                    place = place[key]
                place[last] = number


def _with_choices(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Errors, and those of every form of a choice."""
    for error in errors:
        yield error
        yield from _with_choices(error.context)


def _most_telling(errors: Iterator[ValidationError]) -> ValidationError | None:
    """The error to report: the first by path; inside a choice of forms, the deepest of the chosen form."""
    found = sorted(errors, key=lambda e: (e.validator == "oneOf", [str(part) for part in e.absolute_path]))
    if not found:
        return None
    error = found[0]
    while error.context:
        kinds = [e for e in error.context if e.validator in ("const", "type") and len(e.path) <= 1]
        wrong_forms = {e.schema_path[0] for e in kinds}
        right = [e for e in error.context if e.schema_path[0] not in wrong_forms] or list(error.context)
        error = max(right, key=lambda e: len(e.absolute_path))
    return error


def _describe(error: ValidationError, schema: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error.absolute_path) or "top level"
    rule = error.schema
    if error.validator == "additionalProperties":
        unknown = sorted(set(error.instance) - set(rule["properties"]))
        return f"{where}: unknown key {unknown[0]!r}; allowed keys: {', '.join(rule['properties'])}"
    if error.validator == "required":
        missing = [key for key in rule["required"] if key not in error.instance]
        return f"{where}: key {missing[0]!r} is missing"
    if error.validator == "enum":
        return f"{where}: {error.instance!r} is not allowed; allowed: {', '.join(map(str, rule['enum']))}"
    if "inimum" in error.validator or "aximum" in error.validator:
        low = f"({rule['exclusiveMinimum']}" if "exclusiveMinimum" in rule else f"[{rule.get('minimum', '-inf')}"
        high = f"{rule['exclusiveMaximum']})" if "exclusiveMaximum" in rule else f"{rule.get('maximum', 'inf')}]"
        return f"{where}: {error.instance!r} is out of range; allowed: {low}, {high}"
    return f"{where}: {error.message}"


def _fill_defaults(value: Any, rule: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Set every default of a schema that validated `value`, in place."""
    rule = _resolve(rule, schema)
    if isinstance(value, dict):
        for choice in rule.get("oneOf", ()):
            if Draft202012Validator({**schema, **_resolve(choice, schema)}).is_valid(value):
                rule = _resolve(choice, schema)
        for key, inner in rule.get("properties", {}).items():
            default = {**_resolve(inner, schema), **inner}.get("default")
            if key not in value and default is not None:
                value[key] = copy.deepcopy(default)
        for key, item in value.items():
            _fill_defaults(item, rule.get("properties", {}).get(key, rule.get("additionalProperties") or {}), schema)
    elif isinstance(value, list):
        for item in value:
            _fill_defaults(item, rule.get("items") or {}, schema)


def _resolve(rule: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(rule, Mapping):
        return {}
    return schema["$defs"][rule["$ref"].rsplit("/", 1)[1]] if "$ref" in rule else rule
