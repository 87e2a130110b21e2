"""The house: arrows between rooms, sizes, names. What no single module can hold to, in seconds and without torch."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "anchorprune"
MODULES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

MOST_LINES = 200
MOST_LOOSE = 6

# Modules that may be longer, each with its reason.
LONG: dict[str, str] = {}

# Names that several modules may assign, each with its reason.
COMMON = {"LOG": "the logger of its module", "VERSION": "each of its own format"}


def room(name: str) -> str:
    """The top-level package that a module lies in; "" for a loose module."""
    return name.partition("/")[0] if "/" in name else ""


@pytest.mark.parametrize("contract", [contract["id"] for contract in SETTINGS["contracts"]])
def test_import_contracts(contract):
    """In a process of its own: the linter silences every logger that is there."""
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        pytest.skip("needs import-linter")
    command = [str(linter), "--contract", contract, "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_few_modules_are_loose():
    loose = [name for name in MODULES if not room(name)]
    assert len(loose) <= MOST_LOOSE, loose


def test_every_package_says_what_it_holds():
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in MODULES.values()} - {"."}
    silent = {folder for folder in folders if not ast.get_docstring(TREES.get(f"{folder}/__init__.py", ast.Module([])))}
    assert not silent


def test_modules_are_short():
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    long = {name for name, count in lines.items() if count > MOST_LINES}
    assert long == set(LONG)


def test_a_file_name_means_one_thing():
    """Modules of two rooms do not share a name, but a command has that of the one module that does its work."""
    rooms = defaultdict(set)
    for name, path in MODULES.items():
        if path.name not in ("__init__.py", "__main__.py"):
            rooms[path.name].add(room(name))
    shared = {name for name, places in rooms.items() if len(places - {"commands"}) > 1}
    assert not shared


def test_rules_are_named_after_the_command_they_call():
    without_rules = {"common", "searched", "decided", "references", "reported"}
    stages = {path.stem for path in (ROOT / "rules").glob("*.smk")} - without_rules
    assert not {stage for stage in stages if f"commands/{stage}.py" not in MODULES}


def assigned(tree: ast.Module) -> list[tuple[str, str]]:
    """Public names that a module assigns at its top level, each with its value as written."""
    found = []
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = [target.id for target in targets if isinstance(target, ast.Name) and not target.id.startswith("_")]
        found += [(name, ast.dump(node.value)) for name in names if node.value is not None]
    return found


def test_a_constant_stands_once():
    places = defaultdict(set)
    for module, tree in TREES.items():
        for name, value in assigned(tree):
            places[name, value].add(module)
    twice = {name for (name, _), modules in places.items() if len(modules) > 1 and name not in COMMON}
    assert not twice


def identifiers(tree: ast.AST) -> set[str]:
    """The names that code uses; those in comments and documentation do not count."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name)
    return found


def test_nothing_is_there_for_tests_only():
    """A function or class is used by the package, the rules or the benchmarks; what is decorated is used by name."""
    used = set(re.findall(r"\w+", "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))))
    for path in (ROOT / "bench").glob("*.py"):
        used |= identifiers(ast.parse(path.read_text()))
    by_node = [(name, node, identifiers(node)) for name, tree in TREES.items() for node in tree.body]
    holders = defaultdict(list)
    for _, node, names in by_node:
        for name in names:
            holders[name].append(node)
    unused = {
        f"{module}: {node.name}"
        for module, node, _ in by_node
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.decorator_list
        if node.name not in used and all(holder is node for holder in holders[node.name])
    }
    assert not unused
