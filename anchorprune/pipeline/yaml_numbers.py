"""Numbers as YAML 1.2 and JSON write them: `5e-05`, which YAML 1.1, and so PyYAML and Snakemake, take for text."""

import re
from typing import Any

import yaml

_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


class _Loader(yaml.SafeLoader):
    """Reads those too."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"(?:{_FLOAT.pattern})$"), list("-+.0123456789"))


def read_value(text: str) -> Any:
    """A value written as YAML.

    Raises:
        yaml.YAMLError: it cannot be read.
    """
    return yaml.load(text, _Loader)  # noqa: S506 (derives from the safe one)


def with_numbers(value: Any) -> Any:
    """A value that YAML 1.1 has read, with such texts as the numbers they are, in lists and mappings too."""
    if isinstance(value, dict):
        return {key: with_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_numbers(item) for item in value]
    return float(value) if isinstance(value, str) and _FLOAT.fullmatch(value) else value
