"""The configuration: defaults, and the line each mistake ends in."""

import copy
import dataclasses
from pathlib import Path

import pytest
import yaml

from anchorprune.anchors.anchor_sets import expand_anchors
from anchorprune.errors import UserError
from anchorprune.pipeline.arguments import detector_arguments
from anchorprune.pipeline.experiments import plan
from anchorprune.pipeline.records import NAME
from anchorprune.pipeline.yaml_numbers import read_value

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "config/schemas/experiments.schema.yaml"


@pytest.fixture
def config():
    """The shipped configuration."""
    files = [ROOT / f"config/{name}.yaml" for name in ("datasets", "detectors", "experiments")]
    return {key: value for file in files for key, value in yaml.safe_load(file.read_text()).items()}


def test_the_shipped_configuration_and_its_defaults(config):
    chosen = plan(config, SCHEMA)
    assert [e.name for e in chosen.run] == ["demo"]
    assert chosen.run[0].seeds == (0,)
    assert chosen.config["datasets"]["scenes"]["train"] == 1600
    assert len(chosen.run[0].budgets) >= 2


def test_run_takes_a_list_or_a_string(config):
    config["experiments"]["again"] = copy.deepcopy(config["experiments"]["demo"])
    for run in ("demo,again", "demo, again", ["demo", "again"]):
        assert [e.name for e in plan({**config, "run": run}, SCHEMA).run] == ["demo", "again"]


def test_a_list_of_ways_is_an_experiment_for_each(config):
    """Alike but for the way; found by the name of all, and each by its own."""
    config["experiments"]["demo"]["retrain"] = ["once", "none"]
    config["groups"]["both"] = ["demo-none", "demo"]
    found = plan(config, SCHEMA).run
    assert [(e.name, e.retrain, e.compared) for e in found] == [
        ("demo-once", "once", "demo"),
        ("demo-none", "none", "demo"),
    ]
    assert dataclasses.replace(found[1], name="demo-once", retrain="once") == found[0]
    for run, names in (("demo-none", ["none"]), ("demo-none,demo", ["none", "once"]), ("both", ["none", "once"])):
        assert [e.retrain for e in plan({**config, "run": run}, SCHEMA).run] == names
    config["groups"] = {"demo-once": ["demo"]}
    with pytest.raises(UserError, match=r"groups.demo-once: an experiment has this name; choose another"):
        plan(config, SCHEMA)


def test_decisions_that_share_results_allow_the_same_loss(config):
    config["experiments"]["demo"] |= {"retrain": "auto", "no_loss": 0.01}
    config["experiments"]["other"] = {**config["experiments"]["demo"], "no_loss": 0.02}
    assert len(plan({**config, "run": "other"}, SCHEMA).run) == 1
    with pytest.raises(UserError, match=r"config: experiments.other.no_loss: 0.02, and 0.01 of experiment demo, which"):
        plan({**config, "run": "demo,other"}, SCHEMA)
    config["experiments"]["other"]["anchor_sets"] = config["experiments"]["demo"]["anchor_sets"][:1]
    config["experiments"]["demo"] |= {"anchor_sets": config["experiments"]["demo"]["anchor_sets"][1:]}
    assert len(plan({**config, "run": "demo,other"}, SCHEMA).run) == 2


MISTAKES = [
    (("experiments", "demo", "budgts"), [0.5], "experiments.demo: unknown key 'budgts'; allowed keys: .*budgets"),
    (("experiments", "demo", "budgets"), [1.2], r"experiments.demo.budgets.0: 1.2 is out of range; allowed: \(0, 1\]"),
    (("experiments", "demo", "budgets"), [0], r"experiments.demo.budgets.0: 0 is out of range; allowed: \(0, 1\]"),
    (
        ("experiments", "demo", "detector"),
        "sdd",
        "experiments.demo.detector: unknown detector 'sdd'; known: .*ssd-demo",
    ),
    (("experiments", "demo", "dataset"), "x", "experiments.demo.dataset: unknown data set 'x'; known: .*scenes"),
    (("experiments", "demo", "anchor_sets"), ["x"], "experiments.demo.anchor_sets: unknown anchor set"),
    (("experiments", "demo", "searches"), ["x"], "experiments.demo.searches: unknown search 'x'; known: "),
    (("experiments", "demo", "retrain"), "maybe", "'maybe' is not allowed; allowed: scratch, finetune, none"),
    (("searches", "greedy", "max_per_level"), 3, "searches.greedy.max_per_level: is for layerwise, not for greedy"),
    (("searches", "pareto", "criterion"), "ap", "searches.pareto.criterion: is for greedy, not for pareto; take"),
    (("searches", "greedy", "folds"), 1, "searches.greedy.folds: 1 leaves no other fold to search on; give 0 for none"),
    (("searches", "greedy", "method"), "gredy", "searches.greedy.method: 'gredy' is not allowed; allowed: greedy, "),
    (("datasets", "scenes", "sed"), 1, "datasets.scenes: unknown key 'sed'; allowed keys: kind, seed"),
    (("datasets", "scenes", "kind"), "cocoa", "datasets.scenes.kind: 'cocoa' is not allowed; allowed: scenes, coco"),
    (("datasets", "mine"), {"kind": "coco", "test": {}}, "datasets.mine.*: key '.*' is missing"),
    (
        ("datasets", "a/../b"),
        {"kind": "scenes"},
        "datasets: 'a/../b' is not allowed; letters, digits, dots and dashes, .*; it becomes a folder",
    ),
    (("run",), "paper2", "run: unknown experiment 'paper2'; known: "),
    (("runs",), "demo", "top level: unknown key 'runs'"),
]


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES, ids=lambda v: str(v)[:40])
def test_a_mistake_is_one_line_that_names_the_key(config, path, value, message):
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError, match=message) as error:
        plan(config, SCHEMA)
    assert "\n" not in str(error.value)


def test_numbers_that_came_as_strings(config):
    """`snakemake --config 'datasets={...}'` hands nested numbers over as strings."""
    config["datasets"]["scenes"]["train"] = "20"
    config["experiments"]["demo"].update(budgets=["0.5"], seeds=["1"])
    chosen = plan(config, SCHEMA)
    assert chosen.config["datasets"]["scenes"]["train"] == 20
    assert (chosen.run[0].budgets, chosen.run[0].seeds) == ((0.5,), (1,))
    config["experiments"]["demo"]["budgets"] = ["much"]
    with pytest.raises(UserError, match=r"experiments.demo.budgets.0: 'much' is not a number"):
        plan(config, SCHEMA)


def test_numbers_that_yaml_1_1_takes_for_text(config):
    text = "{lr: 5e-05, nested: {list: [1e-3, -2E+4, .5e1]}, word: 1e, path: a/1e5, text: '1.5', size: [3, 0.5]}"
    config["detectors"]["ssd-demo"]["options"] = yaml.safe_load(text)
    config["detectors"]["ssd-demo"]["training"]["learning_rate"] = yaml.safe_load("2e-3")
    detector = plan(config, SCHEMA).config["detectors"]["ssd-demo"]
    numbers = {"lr": 5e-05, "nested": {"list": [1e-3, -2e4, 5.0]}}
    assert detector["options"] == {**numbers, "word": "1e", "path": "a/1e5", "text": "1.5", "size": [3, 0.5]}
    assert detector["training"]["learning_rate"] == 2e-3
    words = detector_arguments({"config": "c.py", "backend": "mmdet", "options": detector["options"]}, None)
    read = (word.partition("=") for word in words[4::2])
    assert {key: read_value(value) for key, _, value in read} == detector["options"]


def test_a_layout_cannot_have_the_name_of_the_full_head(config):
    for own in config["detectors"]["ssd-demo"]["anchor_sets"].values():
        own["layouts"] = {**own.get("layouts", {}), "full": {"drop": [0]}}
    line = r"detectors.ssd-demo.anchor_sets.\w+.layouts.full: this name is taken by the layout of all anchors; choose"
    with pytest.raises(UserError, match=line):
        plan(config, SCHEMA)


def test_levels_must_match_strides(config):
    config["detectors"]["ssd-demo"]["anchor_sets"]["baseline"]["levels"].pop()
    with pytest.raises(UserError, match="3 levels for 4 strides"):
        plan(config, SCHEMA)


def test_sizes_and_ratios():
    expanded = expand_anchors({"strides": [8, 16], "levels": [{"sizes": [10], "ratios": [4, 1]}, {}]})
    assert expanded == {"strides": [8, 16], "levels": [[[5.0, 20.0], [10.0, 10.0]], []]}


def test_a_data_set_without_a_train_split(config):
    split = {"annotations": "a.json", "images": "a"}
    config["run"] = ["own"]
    config["datasets"]["own"] = {"kind": "coco", "prune": split, "test_fraction": 0.5}
    config["detectors"]["own"] = {"config": "c.py", "weights": "w.pth", "anchor_sets": {"own": {"from": "config"}}}
    own = {"detector": "own", "dataset": "own", "anchor_sets": ["own"], "searches": ["best"], "budgets": [0.5]}
    config["experiments"]["own"] = {**own, "retrain": "none", "deploy": True}
    assert plan(config, SCHEMA).run[0].deploy
    line = "experiments.own: {} needs a train split; give datasets.own.train"
    for change, what in (
        ({"retrain": "finetune"}, "retrain: finetune"),
        ({"controls": ["kmeans"]}, "controls: kmeans"),
        ({"detector": "ssd300-voc", "anchor_sets": ["baseline"]}, "detector ssd300-voc, which has no weights,"),
    ):
        wrong = {**config, "experiments": {"own": {**config["experiments"]["own"], **change}}, "groups": {}}
        with pytest.raises(UserError, match=line.format(what)):
            plan(wrong, SCHEMA)
    for lacking, message in (("prune", "no images to search on; give prune"), ("test_fraction", "to report on; give")):
        data = {key: value for key, value in config["datasets"]["own"].items() if key != lacking}
        with pytest.raises(UserError, match=f"datasets.own: no images {message}|datasets.own: {message}"):
            plan({**config, "datasets": {**config["datasets"], "own": data}}, SCHEMA)


def test_names_have_one_form():
    assert yaml.safe_load(SCHEMA.read_text())["$defs"]["name"]["pattern"] == f"^{NAME}$"
