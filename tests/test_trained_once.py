"""Budgets of one layout train once; an unpruned detector trained again is what pruned ones are compared with."""

import json

import pytest
from backends.trained import train, write_data

from anchorprune.detectors.folder import record_trained, trained_of
from anchorprune.detectors.trained_once import trained_once

TRAINED = {"epochs": None, "iterations": None}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("scenes"), train=60, prune=20, test=20)


@pytest.fixture
def full(data, tmp_path):
    return train(data, tmp_path / "full").source.parent


def retrain(run_command, data, detector, output, *more):
    split = ("--annotations", data / "train.json", "--images", data / "images/train")
    return run_command("retrain", detector, "--finetune", detector, *split, "--output", output, *more)


def test_a_second_budget_takes_over_what_the_first_trained(full, data, tmp_path, run_command):
    known, said = tmp_path / "known", []
    for name, drop in (("0.6", "6,7"), ("0.4", "6,7"), ("0.2", "5,6,7")):
        layout = tmp_path / f"layout-{name}.json"
        assert run_command("layout", full / "head.json", "--drop", drop, "--output", layout).status == 0
        assert run_command("slice", full, layout, "--output", tmp_path / name).status == 0
        done = retrain(run_command, data, tmp_path / name, tmp_path / name / "re", "--known", known)
        assert done.status == 0
        said.append("has this very layout; taking over" in done.err)
    assert said == [False, True, False]
    first, second, third = ((tmp_path / name / "re/weights.npz").read_bytes() for name in ("0.6", "0.4", "0.2"))
    assert first == second != third
    assert len(list(known.glob("*.json"))) == 2


def test_another_start_or_seed_is_another_training(full, tmp_path):
    known = tmp_path / "known"
    for initial, seed in ((full, 0), (None, 0), (full, 1)):
        with trained_once(full, initial, seed, tmp_path / "out", known):
            pass
    assert len(list(known.glob("*.json"))) == 3


def test_a_training_that_failed_is_not_taken_over(full, tmp_path):
    with pytest.raises(ZeroDivisionError), trained_once(full, full, 0, tmp_path / "out", tmp_path / "known"):
        raise ZeroDivisionError
    assert not list((tmp_path / "known").glob("*.json"))


def test_a_folder_and_its_evaluation_say_how_it_was_trained(full, data, tmp_path, run_command):
    record_trained(full, [{"start": "scratch", **TRAINED}])
    layout = tmp_path / "layout.json"
    run_command("layout", full / "head.json", "--drop", "6,7", "--output", layout)
    run_command("slice", full, layout, "--output", tmp_path / "slice")
    retrain(run_command, data, tmp_path / "slice", tmp_path / "again")
    for folder in ("full", "slice", "again"):
        assert run_command(
            "evaluate", tmp_path / folder, data / "test.json", data / "images/test", "--output", tmp_path / folder / "e"
        ).status == 0  # fmt: skip
    trained = [json.loads((tmp_path / name / "e/metrics.json").read_text())["trained"] for name in ("slice", "again")]
    assert trained == [trained_of(tmp_path / name) for name in ("slice", "again")]
    assert trained[0] == [{"start": "scratch", **TRAINED}]
    assert trained[1] == [*trained[0], {"start": "weights", **TRAINED}]


def test_an_evaluation_beside_another(full, data, tmp_path, run_command):
    split = (data / "test.json", data / "images/test")
    run_command("evaluate", full, *split, "--output", tmp_path / "whole")
    layout = tmp_path / "layout.json"
    run_command("layout", full / "head.json", "--drop", "3,4,5", "--output", layout)
    run_command("slice", full, layout, "--output", tmp_path / "slice")
    done = run_command(
        "evaluate", tmp_path / "slice", *split, "--reference", tmp_path / "whole", "--output", tmp_path / "e"
    )
    whole, written = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("whole", "e"))
    change = written["change"]
    assert change["ap_reference"] == whole["ap"] != written["ap"]
    assert change["figures"]["ap"]["change"] == pytest.approx(written["ap"] - whole["ap"], abs=1e-9)
    assert change["figures"]["ap"]["low"] < change["figures"]["ap"]["change"] < change["figures"]["ap"]["high"]
    assert {name: change["per_class"][name]["change"] for name in change["per_class"]} == pytest.approx(
        {name: written["per_class"][name] - whole["per_class"][name] for name in written["per_class"]}, abs=1e-9
    )
    assert (change["resamples"], len(change["resampled"])) == (1000, 1000)
    assert "resampled" not in done.json["change"]

    run_command("evaluate", full, data / "prune.json", data / "images/prune", "--output", tmp_path / "other")
    (tmp_path / "other/evaluate.record.json").unlink()  # the next line means it
    (tmp_path / "other/metrics.json").write_text(json.dumps({**whole, "images": 21}))
    other = run_command("evaluate", full, *split, "--reference", tmp_path / "other", "--output", tmp_path / "f")
    assert (other.status, "an evaluation on other images" in other.error_line) == (2, True)
    assert not (tmp_path / "f").exists()
