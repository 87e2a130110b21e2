"""What jobs ask for."""

import pytest

from anchorprune.pipeline import resources
from anchorprune.pipeline.arguments import options


def test_amounts_grow_with_each_attempt():
    plain = {"training": {}, "finetuning": {}}
    detector = {**plain, "resources": {"train": {"mem_mb": 24000}, "evaluate": {"runtime": 240}}}
    assert resources.amount(detector, "train", "mem_mb") == 24000
    assert resources.amount(detector, "train", "mem_mb", attempt=3) == 72000
    assert resources.amount(detector, "train", "runtime", attempt=2) == 120
    assert resources.amount(detector, "evaluate", "runtime") == 240
    assert resources.amount(plain, "predict", "mem_mb") == 3000
    assert resources.amount(plain, "search", "runtime", attempt=2) == 120


@pytest.mark.parametrize(
    ("recipe", "minutes"),
    [
        ({}, 10 * 8 * 90),  # hours x GPUs that they are of, in minutes, half as many more: on one
        ({"gpus": 8}, 10 * 90),
        ({"gpus": 3}, 2400),
        ({"processes": 2}, 60),  # no GPU: nothing is known
    ],
)
def test_a_training_takes_the_hours_that_its_detector_states(recipe, minutes):
    detector = {"training": recipe, "finetuning": recipe, "hours": {"training": 10, "gpus": 8}}
    assert resources.amount(detector, "train", "runtime") == minutes
    assert resources.amount(detector, "retrain", "runtime", 2, "finetune") == 2 * minutes
    if "processes" not in recipe:
        detector["hours"]["finetuning"] = 5
        assert resources.amount(detector, "retrain", "runtime", 1, "finetune") == minutes / 2
        assert resources.amount(detector, "retrain", "runtime", 1, "once") == minutes / 2
        assert resources.amount(detector, "retrain", "runtime", 1, "scratch") == minutes
    stated = {**detector, "resources": {"train": {"runtime": 7}}}
    assert resources.amount(stated, "train", "runtime", 3) == 21


@pytest.mark.parametrize(
    ("recipe", "memory"),
    [({}, 3000), ({"workers": 2}, 4000), ({"processes": 2}, 6000), ({"gpus": 8, "workers": 2}, 8 * 6000)],
)
def test_a_training_takes_memory_for_each_of_its_processes(recipe, memory):
    assert resources.amount({"training": recipe, "finetuning": {}}, "train", "mem_mb") == memory


def test_a_search_takes_memory_for_its_files():
    assert resources.amount({}, "search", "mem_mb", files=100) == 3000
    assert resources.amount({}, "search", "mem_mb", 2, files=2000) == 2 * 11500
    assert resources.amount({"resources": {"search": {"mem_mb": 800}}}, "search", "mem_mb", files=2000) == 800
    assert resources.amount({}, "search", "runtime", files=2000) == 60


def test_one_key_sets_the_gpus_of_all_trainings():
    detector = {"training": {"gpus": 8, "epochs": 2}, "finetuning": {"processes": 2}, "config": "a.py"}
    assert resources.with_gpus(detector, None) == detector
    assert resources.with_gpus(detector, 1) == {**detector, "training": {"gpus": 1, "epochs": 2}}
    assert resources.with_gpus(detector, 0) == {**detector, "training": {"epochs": 2}}
    assert resources.with_gpus({"training": {}, "finetuning": {}}, 2)["finetuning"] == {"gpus": 2}
    assert detector["training"]["gpus"] == 8


@pytest.mark.parametrize(
    ("recipe", "available", "expected"),
    [({}, 0, 0), ({}, 4, 1), ({"gpus": 2}, 4, 2), ({"gpus": 2}, 0, 2), ({"processes": 2}, 4, 0)],
)
def test_gpus(recipe, available, expected):
    assert resources.gpus(recipe, available) == expected


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [({}, 1), ({"workers": 4}, 5), ({"workers": 4, "gpus": 2}, 10), ({"threads": 2, "processes": 3}, 6)],
)
def test_threads(recipe, expected):
    assert resources.threads(recipe) == expected


def test_recipes_as_options():
    assert options({"amp": True, "gpus": 2}) == ["--amp", "--gpus", "2"]
    assert options({"amp": False}) == ["--no-amp"]
    detector = {"training": {"epochs": 9}, "finetuning": {"epochs": 3}}
    assert resources.recipe_of(detector, "scratch") == {"epochs": 9}
    assert resources.recipe_of(detector, "finetune") == {"epochs": 3}
    assert resources.recipe_of(detector, "once") == {"epochs": 3, "anchor_dropout": {}}
    own = {"finetuning": {"anchor_dropout": {"subsets": 2}}}
    assert resources.recipe_of(own, "once") == {"anchor_dropout": {"subsets": 2}}
