"""Configuration files as they are written: whole, YAML, and every key once."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from anchorprune.errors import UserError

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _Loader


def read_config_file(path: str | Path) -> dict[str, Any]:
    """Read a configuration file.

    Raises:
        UserError: it is missing, empty, no YAML, has no keys at its top, or one of them twice; with the line of it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such configuration file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot read this configuration file ({error})") from None
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise UserError(f"{path}: {_instead(root)}; a configuration is `key: value` lines, see config/README.md")
        _check_node(root, path, set())
        return loader.construct_document(root)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: {_where(error, text)}; mend the YAML there") from None
    finally:
        loader.dispose()


def check_config_files(paths: Iterable[str | Path]) -> None:
    """See that files can be read as configurations; of a key that is there twice, Snakemake silently takes the last.

    Raises:
        UserError: as `read_config_file`.
    """
    for path in map(Path, paths):
        read_config_file(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _check_node(node: yaml.Node, path: str | Path, seen: set[int]) -> None:
    """See that no key is twice and no number in base 60; `seen`: nodes that are done, to which aliases lead again."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        _refuse_base_60(node, path)
        return
    lines: dict[str, int] = {}
    for key, value in node.value if isinstance(node, yaml.MappingNode) else [(None, item) for item in node.value]:
        if key is not None and key.tag != "tag:yaml.org,2002:merge":
            line, name = key.start_mark.line + 1, str(key.value)
            if name in lines:
                raise UserError(f"{path}: line {line}: key {name!r} is on line {lines[name]} too; remove one")
            lines[name] = line
        _check_node(value, path, seen)


def _refuse_base_60(node: yaml.ScalarNode, path: str | Path) -> None:
    if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") and ":" in node.value:
        line = node.start_mark.line + 1
        raise UserError(
            f"{path}: line {line}: YAML takes {node.value} for a number in base 60; write a decimal, or quote it"
        )


def _instead(root: yaml.Node | None) -> str:
    if root is None:
        return "is empty"
    return "is a list" if isinstance(root, yaml.SequenceNode) else "is one text, without any key"


def _where(error: yaml.YAMLError, text: str) -> str:
    """The line of an error in a text, and what the parser has against it."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    rest = (*text.splitlines(), "")[mark.line][mark.column :]
    problem = "a tab, where only spaces may be" if rest.startswith("\t") else error.problem
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"
