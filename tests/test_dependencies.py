"""What the package imports is what pyproject.toml declares; at a module's top, without torch, the core's alone."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROOMS = sorted(path.parent.name for path in (ROOT / "anchorprune").glob("*/__init__.py"))
DISTRIBUTIONS = packages_distributions()  # reads every installed package: once


def names(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


CORE = names(DECLARED["dependencies"])
ALL = CORE | names(text for group in DECLARED["optional-dependencies"].values() for text in group)


def imported(nodes):
    """Distributions of the packages that import statements name, as far as they are installed."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    found -= {*sys.stdlib_module_names, "anchorprune"}
    return {canonicalize_name(DISTRIBUTIONS[name][0]) for name in found if name in DISTRIBUTIONS}


@pytest.mark.parametrize("room", ROOMS)
def test_imports_are_declared(room):
    top, anywhere = set(), set()
    for path in (ROOT / "anchorprune" / room).rglob("*.py"):
        tree = ast.parse(path.read_text())
        top |= imported(tree.body)
        anywhere |= imported(ast.walk(tree))
    assert anywhere <= ALL
    if room not in ("detectors", "deploy"):
        assert top <= CORE
