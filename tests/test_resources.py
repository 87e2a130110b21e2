"""What jobs ask for."""

import pytest

from anchorprune.pipeline import resources
from anchorprune.pipeline.arguments import options


def test_amounts_grow_with_each_attempt():
    detector = {"resources": {"train": {"mem_mb": 24000}, "evaluate": {"runtime": 240}}}
    assert resources.amount(detector, "train", "mem_mb") == 24000
    assert resources.amount(detector, "train", "mem_mb", attempt=3) == 72000
    assert resources.amount(detector, "train", "runtime", attempt=2) == 120
    assert resources.amount(detector, "evaluate", "runtime") == 240
    assert resources.amount({}, "predict", "mem_mb") == 3000


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
