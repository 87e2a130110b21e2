"""The container's recipe: it takes along what the pipeline is made of, and nobody's root."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECIPE = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
STEPS = [tuple(line.split(maxsplit=1)) for line in RECIPE.splitlines() if line and not line.startswith("#")]
ALLOWED = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}


def copied():
    """What is copied from the project's folder."""
    words = [step[1].split() for step in STEPS if step[0] == "COPY" and "--from" not in step[1]]
    return {source for sources in words for source in sources[:-1]}


def test_all_of_the_pipeline_is_copied_and_let_through():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    parts = {path.name for pattern in packages for path in ROOT.glob(pattern) if path.is_dir() and "." not in path.name}
    parts |= {"Snakefile", "rules", "config", "profiles", "scripts", "requirements.lock", "pyproject.toml"}
    assert parts <= copied()
    assert copied() == ALLOWED
    assert all((ROOT / name).exists() for name in ALLOWED)


def test_the_base_has_the_python_of_the_conda_environment_and_names_no_registry():
    base = dict(step[1].split("=", 1) for step in STEPS if step[0] == "ARG")["BASE"]
    assert re.fullmatch(r"python:[\w.-]+", base)
    version = re.search(r"python =(\S+)", (ROOT / "environment.yml").read_text()).group(1)
    assert base.startswith(f"python:{version}-")
    assert {step[1].split()[0] for step in STEPS if step[0] == "FROM"} == {"${BASE}"}
    assert "://" not in RECIPE


def test_it_runs_as_a_user_whom_a_cluster_can_tell_from_root():
    (user,) = [step[1] for step in STEPS if step[0] == "USER"]
    assert int(user) > 0
    assert STEPS[-1][0] == "CMD"
    assert "ENTRYPOINT" not in dict(STEPS)
