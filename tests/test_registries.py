"""Search methods and costs are named in one place: the command line, the schema and the documentation follow it."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from oracles.generate import HEAD, make, write

from anchorprune.commands.search import command
from anchorprune.errors import UserError
from anchorprune.heads.cost import COSTS
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.pipeline.schema import read_schema
from anchorprune.pipeline.validation import validate
from anchorprune.scoring import Scorer
from anchorprune.search.methods import METHODS, heeding, load
from anchorprune.search.run import Options, search

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "config/schemas/experiments.schema.yaml"
README = (ROOT / "config/README.md").read_text()


def modules(folder):
    return {path.stem for path in (ROOT / "anchorprune" / folder).glob("*.py")} - {"__init__"}


def test_every_file_is_registered_and_every_name_has_a_file():
    assert modules("search/methods") == set(METHODS)
    assert modules("heads/cost") - {"cost_kind", "counts"} == set(COSTS)
    assert len(set(METHODS)) == len(METHODS)
    for name in METHODS:
        assert load(name).run.__name__ == name
    for name, kind in COSTS.items():
        assert import_module(f"anchorprune.heads.cost.{name}").COST is kind
        assert kind.name == name


def test_the_command_line_offers_what_is_registered():
    choices = {parameter.name: getattr(parameter.type, "choices", None) for parameter in command.params}
    assert list(choices["method"]) == list(METHODS)
    assert list(choices["cost"]) == list(COSTS)


def test_the_schema_allows_what_is_registered():
    rules = read_schema(SCHEMA)["$defs"]["search"]["properties"]
    assert rules["method"]["enum"] == list(METHODS)
    assert rules["cost"]["enum"] == list(COSTS)
    written = yaml.safe_load(SCHEMA.read_text())["$defs"]["search"]["properties"]
    assert "enum" not in {**written["method"], **written["cost"]}  # no second list


@pytest.mark.parametrize(("key", "registered"), [("method", METHODS), ("cost", tuple(COSTS))])
def test_the_readme_names_nothing_else_and_says_where_the_list_is(key, registered):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{key}` |"))
    named = set(re.findall(r"`([^`]+)`", row)) - {key, "anchorprune search --help"}
    assert named
    assert named <= set(registered)
    assert "`anchorprune search --help`" in row


def test_a_cost_by_table_wants_its_table(tmp_path):
    schema, parts = tmp_path / "search.yaml", yaml.safe_load(SCHEMA.read_text())["$defs"]
    schema.write_text(yaml.safe_dump({**parts["search"], "$defs": parts}))
    for name, kind in COSTS.items():
        search_of = {"method": "best", "cost": name}
        if kind.from_table:
            with pytest.raises(UserError, match="key 'latency_table' is missing"):
                validate(search_of, schema, "s")
        else:
            assert validate(search_of, schema, "s") == search_of


def test_help_says_what_each_is_and_loads_nothing_slow():
    program = (
        "import sys\n"
        "for name in ('numpy', 'numba', 'pandas', 'pyarrow', 'scipy', 'torch'): sys.modules[name] = None\n"
        "from anchorprune.cli import main\n"
        "sys.exit(main(['search', '--help']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    words = " ".join(done.stdout.split())
    for name, line in [(m, load(m).summary) for m in METHODS] + [(n, kind.summary) for n, kind in COSTS.items()]:
        assert f" {name} {line}" in words
        assert line.endswith(".")


class Recording(Options):
    """Options that know which of them were read."""

    def __getattribute__(self, name):
        if name in Options.__dataclass_fields__:
            READ.add(name)
        return super().__getattribute__(name)


READ = set()


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    annotations, candidates = make(7, images=30, boxes=60)
    path = tmp_path_factory.mktemp("p") / "p.parquet"
    return Scorer(write(path, candidates, Postprocess(0.0, 0.5, None, 100, 0)), annotations)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"shared"}))
def test_a_method_heeds_what_it_says(scorer, method):
    READ.clear()
    search(scorer, Recording(method=method, max_per_level=1, max_subsets=25))
    assert READ - {"method", "cost", "max_subsets", "any_budget"} == set(load(method).options)


def test_options_are_told_of_their_methods():
    assert heeding("criterion") == "greedy"
    assert set(re.split(", | and ", heeding("seed"))) == {name for name in METHODS if "seed" in load(name).options}
    with pytest.raises(UserError, match="--method gredy: no such method; it is one of greedy, pareto"):
        load("gredy")


@pytest.mark.parametrize("kind", [kind for kind in COSTS.values() if not kind.from_table], ids=lambda kind: kind.name)
def test_a_cost_is_a_positive_number_of_its_kind_and_falls_with_every_anchor(kind):
    full = Layout.full(HEAD)
    assert kind.label
    assert isinstance(kind.price(full), int if kind.whole else float)
    for anchor in range(HEAD.num_anchors):
        less = kind.price(Layout.drop(HEAD, [anchor]))
        assert 0 < less <= kind.price(full) - kind.least
