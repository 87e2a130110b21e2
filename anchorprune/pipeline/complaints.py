"""What a schema has against a configuration, in one line for its user."""

from collections.abc import Callable, Iterator, Mapping

from jsonschema.exceptions import ValidationError

from anchorprune.errors import did_you_mean

_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "array": "a list",
    "object": "a mapping of keys to values",
    "boolean": "true or false",
}
_LONGEST = 80  # letters of what is shown of a value


def most_telling(errors: Iterator[ValidationError]) -> ValidationError | None:
    """The error to report: the first by path; inside a choice of forms, the deepest of the chosen form."""
    found = sorted(errors, key=lambda e: (e.validator == "oneOf", [str(part) for part in e.absolute_path]))
    if not found:
        return None
    error = found[0]
    while error.context:
        error = max(_of_chosen_form(error), key=lambda e: len(e.absolute_path))
    return error


def complaint(error: ValidationError) -> str:
    """One line: the key, what is wrong, and what is allowed."""
    where = ".".join(str(part) for part in error.absolute_path) or "top level"
    return f"{where}: {_SAID.get(error.validator, _other)(error)}"


def _of_chosen_form(error: ValidationError) -> list[ValidationError]:
    """What is wrong with the form that was meant: that of its `kind` and of its type; of all forms if there is none."""
    wrong = {
        e.schema_path[0]
        for e in error.context
        if (e.validator == "const" and "kind" in e.path) or (e.validator == "type" and not e.path) or _lacks_its_mark(e)
    }
    return [e for e in error.context if e.schema_path[0] not in wrong] or list(error.context)


def _lacks_its_mark(error: ValidationError) -> bool:
    """Whether a form's one required key, by which it is told from others, is not there."""
    return error.validator == "required" and len(error.validator_value) == 1


def _unknown_key(error: ValidationError) -> str:
    known = error.schema["properties"]
    unknown = sorted(map(str, set(error.instance) - set(known)))[0]
    return f"unknown key {unknown!r}; allowed keys: {', '.join(known)}{did_you_mean(unknown, known)}"


def _missing_key(error: ValidationError) -> str:
    missing = [key for key in error.validator_value if key not in error.instance]
    return f"key {missing[0]!r} is missing"


def _missing_companion(error: ValidationError) -> str:
    given, needed = next((k, v) for k, v in error.validator_value.items() if k in error.instance)
    return f"key {needed[0]!r} is missing, which {given} needs"


def _both_given(error: ValidationError) -> str:
    return f"{' and '.join(error.validator_value['required'])} exclude each other; give one of them"


def _no_choice(error: ValidationError) -> str:
    allowed = list(map(str, error.validator_value))
    return f"{_shown(error)} is not allowed; allowed: {', '.join(allowed)}{did_you_mean(error.instance, allowed)}"


def _out_of_range(error: ValidationError) -> str:
    rule = error.schema
    low = f"({rule['exclusiveMinimum']}" if "exclusiveMinimum" in rule else f"[{rule['minimum']}"
    high = f"{rule['maximum']}]" if "maximum" in rule else f"{rule.get('exclusiveMaximum', 'inf')})"
    return f"{_shown(error)} is out of range; allowed: {low}, {high}"


def _of_wrong_type(error: ValidationError) -> str:
    types = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    wanted = " or ".join(_WORDS[name] for name in types)
    if error.instance is None:
        return f"is empty; give {wanted}, or leave the key out"
    if types == ["array"] and isinstance(error.instance, str | int | float):
        return f"{_shown(error)} is not a list; write [{error.instance}]"
    if types == ["string"] and type(error.instance) in (int, float):
        return f"{_shown(error)} is not text; write '{error.instance}'"
    return f"{_shown(error)} is not {wanted}"


def _too_few(error: ValidationError) -> str:
    if not error.instance:
        return "is empty; give at least one"
    return f"{_shown(error)} has {len(error.instance)}, not {error.validator_value}, entries"


def _twice(error: ValidationError) -> str:
    items = error.instance
    repeated = next(item for place, item in enumerate(items) if item in items[:place])
    return f"{repeated!r} is given twice; remove one"


def _of_wrong_form(error: ValidationError) -> str:
    description = error.schema["description"]
    return f"{_shown(error)} is not allowed; {description[0].lower()}{description[1:].rstrip('.')}"


def _one_key(error: ValidationError) -> str:
    if "properties" not in error.schema:
        return "is empty; give at least one"
    return f"give one of {', '.join(error.schema['properties'])}"


def _other(error: ValidationError) -> str:
    return error.message.replace(repr(error.instance), _shown(error))


def _shown(error: ValidationError) -> str:
    text = repr(error.instance)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_SAID: Mapping[str, Callable[[ValidationError], str]] = {
    "additionalProperties": _unknown_key,
    "required": _missing_key,
    "dependentRequired": _missing_companion,
    "not": _both_given,
    "enum": _no_choice,
    "const": lambda error: f"{_shown(error)} is not allowed; allowed: {error.validator_value}",
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _out_of_range),
    "type": _of_wrong_type,
    **dict.fromkeys(("minItems", "maxItems", "minLength"), _too_few),
    **dict.fromkeys(("minProperties", "maxProperties"), _one_key),
    "uniqueItems": _twice,
    "pattern": _of_wrong_form,
}
