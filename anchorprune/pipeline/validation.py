"""Checking a configuration against its schema: defaults filled in, and one line for a mistake."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from anchorprune.errors import UserError
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
    error = _most_telling(validator.iter_errors(result))
    if error is not None:
        raise UserError(f"{source}: {_describe(error, schema)}")
    _fill_defaults(result, schema, schema)
    for detector in result.get(
        "detectors", {}
    ).values():  # what backends read, so the schema cannot say what is a number
        detector["options"] = with_numbers(detector["options"])
    return result


def _read_numbers(config: dict[str, Any], validator: Draft202012Validator) -> None:
    """Make numbers of strings where the schema wants numbers, in place.

    Snakemake reads what is nested in a `--config` option as strings, and 1e-3 anywhere.
    """
    for error in _with_choices(validator.iter_errors(config)):
        if error.validator == "type" and isinstance(error.instance, str) and "str" not in error.validator_value:
            number = read_value(error.instance) if error.instance.strip() else None
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
