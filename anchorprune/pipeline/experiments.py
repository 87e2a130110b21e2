"""The experiments of a configuration: validated, merged with their defaults, cross-checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from anchorprune.errors import UserError
from anchorprune.heads.layout import FIXED
from anchorprune.pipeline.validation import validate


class Pruned(NamedTuple):
    """A pruned detector of an experiment.

    Attributes:
        search: name of the search that finds its layout, or FIXED.
        budget: fraction of the full head's cost, or the fixed layout's name.
        control: "" for the layout itself; `kmeans` or `random` for the control beside it.
    """

    search: str
    budget: float | str
    control: str


@dataclass(frozen=True)
class Experiment:
    """One experiment to run, with what its names stand for.

    Attributes:
        name: its key under `experiments`.
        detector: name of the detector.
        dataset: name of the data set.
        anchor_sets: names of the anchor sets, one training each per seed.
        seeds: seeds of the trainings.
        searches: names of the searches.
        budgets: fractions of the full head's cost.
        layouts: names of fixed layouts.
        controls: `kmeans`, `random`, both or none.
        retrain: `scratch`, `finetune` or `none`.
        deploy: each pruned detector gets a folder with everything that it takes to run it.
        expected: what the config says to expect.
        published: the detector's name among the published figures.
        test_dev: `image_info` and `images` of COCO's test-dev, if submissions are to be written.
    """

    name: str
    detector: str
    dataset: str
    anchor_sets: tuple[str, ...]
    seeds: tuple[int, ...]
    searches: tuple[str, ...]
    budgets: tuple[float, ...]
    layouts: tuple[str, ...]
    controls: tuple[str, ...]
    retrain: str
    deploy: bool = False
    description: str = ""
    expected: Mapping[str, Any] = field(default_factory=dict)
    published: str | None = None
    test_dev: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Plan:
    """A validated configuration with every default filled in, and the experiments that `run` picks."""

    config: Mapping[str, Any]
    run: tuple[Experiment, ...]

    def anchor_set(self, detector: str, name: str) -> Mapping[str, Any]:
        """The configuration of an anchor set."""
        return self.config["detectors"][detector]["anchor_sets"][name]

    def pruned(self, experiment: Experiment, anchor_set: str) -> Iterator[Pruned]:
        """The pruned detectors of an experiment's anchor set; a layout's controls follow it."""
        known = self.anchor_set(experiment.detector, anchor_set)["layouts"]
        found = [(FIXED, label) for label in experiment.layouts if label in known]
        found += [(search, budget) for search in experiment.searches for budget in experiment.budgets]
        for search, budget in found:
            yield Pruned(search, budget, "")
            yield from (Pruned(search, budget, control) for control in experiment.controls)


def plan(config: Mapping[str, Any], schema_path: str | Path, source: str = "config") -> Plan:
    """Validate a configuration and pick its experiments; every experiment is checked, picked or not.

    Args:
        config: the configuration as read from YAML.
        schema_path: the JSON schema, as YAML.
        source: the configuration's name in errors.

    Raises:
        UserError: one line that names the key, what is wrong and the values it may have.
    """
    complete = validate(config, schema_path, source)
    experiments = {name: _experiment(name, value) for name, value in complete["experiments"].items()}
    for name, dataset in complete["datasets"].items():
        _check_splits(f"{source}: datasets.{name}", dataset)
    for experiment in experiments.values():
        _check_names(experiment, complete, source)
    for detector, value in complete["detectors"].items():
        for anchor_set, anchors in value["anchor_sets"].items():
            _check_anchor_set(f"{source}: detectors.{detector}.anchor_sets.{anchor_set}", anchors)
    if FIXED in complete["searches"]:
        raise UserError(f"{source}: searches.{FIXED}: this name is taken by fixed layouts; choose another")
    return Plan(complete, tuple(experiments[name] for name in _picked(complete, experiments, source)))


def expand_anchors(anchor_set: Mapping[str, Any]) -> dict[str, Any]:
    """A listed anchor set with every anchor spelt out: strides, and levels of [w, h] pairs in input pixels."""
    levels = []
    for level in anchor_set["levels"]:
        groups = [level] if isinstance(level, Mapping) else level
        levels.append([anchor for group in groups for anchor in _anchors(group)])
    return {"strides": list(anchor_set["strides"]), "levels": levels}


def _anchors(group: Mapping[str, Any]) -> list[list[float]]:
    anchors = [list(map(float, pair)) for pair in group.get("anchors", [])]
    return anchors + [[s / r**0.5, s * r**0.5] for s in group.get("sizes", []) for r in group.get("ratios", [1])]


def _picked(config: Mapping[str, Any], experiments: Mapping[str, Experiment], source: str) -> list[str]:
    """The names of the experiments that `run` picks, groups spelt out, each once."""
    groups = config["groups"]
    for group, members in groups.items():
        if group in experiments:
            raise UserError(f"{source}: groups.{group}: an experiment has this name; choose another")
        for name in members:
            _lookup(experiments, name, f"{source}: groups.{group}", "experiment")
    run = config["run"]
    wanted = [name.strip() for name in (run.split(",") if isinstance(run, str) else run)]
    table = {**{name: [name] for name in experiments}, **groups}
    picked = (_lookup(table, name, f"{source}: run", "experiment") for name in wanted)
    return list(dict.fromkeys(name for names in picked for name in names))


def _experiment(name: str, value: Mapping[str, Any]) -> Experiment:
    lists = ("anchor_sets", "seeds", "searches", "budgets", "layouts", "controls")
    return Experiment(name=name, **{**value, **{key: tuple(value[key]) for key in lists}})


def _check_names(experiment: Experiment, config: Mapping[str, Any], source: str) -> None:
    where = f"{source}: experiments.{experiment.name}"
    detector = _lookup(config["detectors"], experiment.detector, f"{where}.detector", "detector")
    dataset = _lookup(config["datasets"], experiment.dataset, f"{where}.dataset", "data set")
    own, known = f"of detector {experiment.detector}", detector["anchor_sets"]
    sets = [_lookup(known, name, f"{where}.anchor_sets", f"anchor set {own}") for name in experiment.anchor_sets]
    layouts = {name: layout for anchors in sets for name, layout in anchors["layouts"].items()}
    for name in experiment.layouts:
        _lookup(layouts, name, f"{where}.layouts", f"layout {own}")
    for name in experiment.searches:
        _lookup(config["searches"], name, f"{where}.searches", "search")
    if not (experiment.layouts or experiment.searches):
        raise UserError(f"{where}: nothing to prune to; give searches with budgets, or layouts")
    if bool(experiment.searches) != bool(experiment.budgets):
        lacking = "budgets" if experiment.searches else "searches"
        raise UserError(f"{where}.{lacking}: is empty; searches and budgets go together")
    if dataset["kind"] == "coco" and "train" not in dataset and (trained := _trained(experiment, detector)):
        raise UserError(f"{where}: {trained} needs a train split; give datasets.{experiment.dataset}.train")


def _trained(experiment: Experiment, detector: Mapping[str, Any]) -> str:
    """What an experiment trains, as a user would say it; "" for nothing."""
    if "weights" not in detector:
        return f"detector {experiment.detector}, which has no weights,"
    if experiment.retrain != "none":
        return f"retrain: {experiment.retrain}"
    return "controls: kmeans" if "kmeans" in experiment.controls else ""


def _check_splits(where: str, dataset: Mapping[str, Any]) -> None:
    if dataset["kind"] != "coco":
        return
    if not ("train" in dataset or "prune" in dataset):
        raise UserError(f"{where}: no images to search on; give prune, or train to hold out a part of it")
    if not ("test" in dataset or "test_fraction" in dataset):
        raise UserError(f"{where}: no images to report on; give test, or test_fraction to hold out a part")


def _check_anchor_set(where: str, anchor_set: Mapping[str, Any]) -> None:
    if "from" in anchor_set:
        return
    strides, levels = anchor_set["strides"], expand_anchors(anchor_set)["levels"]
    if len(strides) != len(levels):
        raise UserError(f"{where}.levels: {len(levels)} levels for {len(strides)} strides; give one level per stride")
    count = sum(map(len, levels))
    if not count:
        raise UserError(f"{where}.levels: no anchor on any level; give at least one")
    for name, layout in anchor_set["layouts"].items():
        for key, indices in layout.items():
            if max(indices) >= count:
                raise UserError(f"{where}.layouts.{name}.{key}: no anchor {max(indices)}; anchors are 0 to {count - 1}")


def _lookup(table: Mapping[str, Any], name: str, where: str, what: str) -> Any:
    if name not in table:
        raise UserError(f"{where}: unknown {what} {name!r}; known: {', '.join(sorted(table)) or 'none'}")
    return table[name]
