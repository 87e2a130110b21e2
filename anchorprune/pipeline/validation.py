"""Checking a configuration against its schema: defaults filled in, and one line for a mistake."""

import copy
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from anchorprune.errors import UserError
from anchorprune.pipeline.complaints import complaint, most_telling
from anchorprune.pipeline.schema import read_schema
from anchorprune.pipeline.yaml_numbers import read_value, with_numbers


def validate(config: Mapping[str, Any], schema_path: str | Path, source: str) -> dict[str, Any]:
    """A copy of a configuration with every default filled in.

    Args:
        config: the configuration as read from YAML.
        schema_path: the JSON schema, as YAML.
        source: the configuration's name in errors.

    Raises:
        UserError: one line that names the key, what is wrong and the values it may have.
    """
    schema = read_schema(schema_path)
    result, validator = copy.deepcopy(dict(config)), Draft202012Validator(schema)
    _read_numbers(result, validator)
    error = most_telling(validator.iter_errors(result))
    if error is not None:
        raise UserError(f"{source}: {complaint(error)}")
    for path, value in _not_finite(result):
        raise UserError(f"{source}: {'.'.join(map(str, path))}: {value} is not a number to reckon with; correct it")
    _fill_defaults(result, schema, schema)
    for detector in result.get("detectors", {}).values():
        # What backends read, so the schema cannot say what is a number.
        detector["options"] = with_numbers(detector["options"])
    return result


def _read_numbers(config: dict[str, Any], validator: Draft202012Validator) -> None:
    """Make numbers of strings where the schema wants numbers, in place.

    Snakemake reads what is nested in a `--config` option as strings, and 1e-3 anywhere.
    """
    for error in _with_choices(validator.iter_errors(config)):
        if error.validator == "type" and isinstance(error.instance, str) and "str" not in error.validator_value:
            number = _value(error.instance)
            if isinstance(number, int | float):
                place = config
                *path, last = error.absolute_path
                for key in path:
                    place = place[key]
                place[last] = number


def _value(text: str) -> Any:
    """A value written as YAML; None for what is none, and for 1:2, which YAML 1.1 takes for a number in base 60."""
    try:
        return None if ":" in text else read_value(text)
    except yaml.YAMLError:
        return None


def _with_choices(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Errors, and those of every form of a choice."""
    for error in errors:
        yield error
        yield from _with_choices(error.context)


def _not_finite(value: Any, *path: Any) -> Iterator[tuple[tuple[Any, ...], float]]:
    """Path and value of the numbers that are NaN or infinite, which no bound of a schema keeps out.

    A backend's options are its own: they may be.
    """
    if isinstance(value, float) and not math.isfinite(value):
        yield path, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key != "options":
            yield from _not_finite(item, *path, key)


def _fill_defaults(value: Any, rule: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Set every default of a schema that validated `value`, in place; `unless` names a key that takes its place."""
    rule = _resolve(rule, schema)
    if isinstance(value, dict):
        for choice in rule.get("oneOf", ()):
            if Draft202012Validator({**schema, **_resolve(choice, schema)}).is_valid(value):
                rule = _resolve(choice, schema)
        for key, inner in rule.get("properties", {}).items():
            default = {**_resolve(inner, schema), **inner}.get("default")
            if key not in value and default is not None and inner.get("unless") not in value:
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
