"""What a configuration's schema cannot say: names that are known, splits that are there, anchor sets that add up."""

from collections.abc import Iterable, Mapping
from typing import Any

from anchorprune.anchors.anchor_sets import expand_anchors
from anchorprune.datasets.kinds import kind_of
from anchorprune.datasets.splits import SPLITS
from anchorprune.errors import UserError, did_you_mean
from anchorprune.heads.layout import FIXED
from anchorprune.pipeline.records import Experiment
from anchorprune.pipeline.ways import AUTO
from anchorprune.search.methods import heeding, load

_FULL = "full"  # stands where a layout's name would, for all anchors (rules/score.smk)

# What a data set lacks that does not give this split.
_LACKING = {
    "prune": "no images to search on; give prune, or train to hold out a part of it",
    "test": "no images to report on; give test, or test_fraction to hold out a part",
}


def cross_check(config: Mapping[str, Any], experiments: Mapping[str, Experiment], source: str) -> None:
    """Check a configuration that its schema allows.

    Args:
        config: with every default filled in.
        experiments: all of it, by name.
        source: the configuration's name in errors.

    Raises:
        UserError: one line that names the key, what is wrong and the values it may have.
    """
    for name, dataset in config["datasets"].items():
        _check_splits(f"{source}: datasets.{name}", dataset)
    for experiment in experiments.values():
        _check_names(experiment, config, source)
    for detector, value in config["detectors"].items():
        for anchor_set, anchors in value["anchor_sets"].items():
            _check_anchor_set(f"{source}: detectors.{detector}.anchor_sets.{anchor_set}", anchors)
            _check_layout_names(f"{source}: detectors.{detector}.anchor_sets.{anchor_set}.layouts", anchors["layouts"])
    for name, value in config["searches"].items():
        _check_heeded(f"{source}: searches.{name}", value)
    if FIXED in config["searches"]:
        raise UserError(f"{source}: searches.{FIXED}: this name is taken by fixed layouts; choose another")


def check_together(picked: Iterable[Experiment], source: str) -> None:
    """See that experiments that share results ask the same of them.

    Raises:
        UserError: two that decide how the same detectors are trained allow different losses.
    """
    allowed: dict[tuple[str, str, str], Experiment] = {}
    for one in (one for one in picked if one.retrain == AUTO):
        for anchor_set in one.anchor_sets:
            other = allowed.setdefault((one.dataset, one.detector, anchor_set), one)
            if other.no_loss != one.no_loss:
                where = f"{source}: experiments.{one.key}.no_loss"
                said = f"{one.no_loss}, and {other.no_loss} of experiment {other.key}, which shares its results"
                raise UserError(f"{where}: {said} (retrain: auto); run them one after the other, or make them equal")


def lookup(table: Mapping[str, Any], name: str, where: str, what: str) -> Any:
    """An entry of a table.

    Raises:
        UserError: it has none of this name; `where` is the key that asks for it, and `what` a word for an entry.
    """
    if name not in table:
        known = ", ".join(sorted(table)) or "none"
        raise UserError(f"{where}: unknown {what} {name!r}; known: {known}{did_you_mean(name, table)}")
    return table[name]


def _check_heeded(where: str, given: Mapping[str, Any]) -> None:
    for option in ("criterion", "max_per_level", "seed"):
        if option in given and option not in load(given["method"]).options:
            raise UserError(f"{where}.{option}: is for {heeding(option)}, not for {given['method']}; take it away")
    if given.get("folds") == 1:
        raise UserError(f"{where}.folds: 1 leaves no other fold to search on; give 0 for none, or at least 2")


def _check_names(experiment: Experiment, config: Mapping[str, Any], source: str) -> None:
    where = f"{source}: experiments.{experiment.key}"
    detector = lookup(config["detectors"], experiment.detector, f"{where}.detector", "detector")
    dataset = lookup(config["datasets"], experiment.dataset, f"{where}.dataset", "data set")
    own, known = f"of detector {experiment.detector}", detector["anchor_sets"]
    sets = [lookup(known, name, f"{where}.anchor_sets", f"anchor set {own}") for name in experiment.anchor_sets]
    layouts = {name: layout for anchors in sets for name, layout in anchors["layouts"].items()}
    for name in experiment.layouts:
        lookup(layouts, name, f"{where}.layouts", f"layout {own}")
    for name in experiment.searches:
        lookup(config["searches"], name, f"{where}.searches", "search")
    if not (experiment.layouts or experiment.searches):
        raise UserError(f"{where}: nothing to prune to; give searches with budgets, or layouts")
    if bool(experiment.searches) != bool(experiment.budgets):
        lacking = "budgets" if experiment.searches else "searches"
        raise UserError(f"{where}.{lacking}: is empty; searches and budgets go together")
    if "train" not in kind_of(dataset).splits(dataset) and (trained := _trained(experiment, detector)):
        raise UserError(f"{where}: {trained} needs a train split; give datasets.{experiment.dataset}.train")


def _trained(experiment: Experiment, detector: Mapping[str, Any]) -> str:
    """What an experiment trains, as a user would say it; "" for nothing."""
    if "weights" not in detector:
        return f"detector {experiment.detector}, which has no weights,"
    if experiment.retrain != "none":
        return f"retrain: {experiment.retrain}"
    return "controls: kmeans" if "kmeans" in experiment.controls else ""


def _check_splits(where: str, dataset: Mapping[str, Any]) -> None:
    given = kind_of(dataset).splits(dataset)
    for split, line in _LACKING.items():
        if split not in given:
            raise UserError(f"{where}: {line}")
    held_out = [split for split in _LACKING if not _places(dataset.get(split))]
    if sum(dataset.get(f"{split}_fraction", 0) for split in held_out) >= 1:
        raise UserError(f"{where}: prune_fraction and test_fraction leave nothing to train on; make them smaller")
    _check_apart(where, dataset)


def _check_apart(where: str, dataset: Mapping[str, Any]) -> None:
    """See that no two splits are the same one, which would share all images."""
    owner: dict[Any, str] = {}
    for split in SPLITS:
        for place in _places(dataset.get(split)):
            if place in owner:
                other, name = owner[place], place[0] if isinstance(place, tuple) else place
                raise UserError(f"{where}.{split}: {name} is the {other} split's too; no two splits may share images")
            owner[place] = split


def _places(split: Any) -> list[Any]:
    """What a split is read from: its annotation file and image folder, or its image sets; nothing for a number."""
    if isinstance(split, Mapping):
        return [(split["annotations"], split["images"])]
    return [split] if isinstance(split, str) else split if isinstance(split, list) else []


def _check_layout_names(where: str, layouts: Mapping[str, Any]) -> None:
    if _FULL in layouts:
        raise UserError(f"{where}.{_FULL}: this name is taken by the layout of all anchors; choose another")


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
            if key == "drop" and len(indices) == count:
                raise UserError(f"{where}.layouts.{name}.drop: drops all {count} anchors; keep one")
