"""What a run costs, said before it starts."""

import copy
import json

import pytest
import yaml
from running.command import ROOT
from running.pipeline import SCHEMA, link_project, shipped_config
from running.sweep import sweep

from anchorprune.errors import UserError
from anchorprune.pipeline.experiments import plan
from anchorprune.pipeline.laid_over import over_shipped, read_laid_over
from anchorprune.pipeline.work_items import work_items


@pytest.fixture
def project(tmp_path):
    """A project with a sweep of four experiments on two trainings, as mine.yaml."""
    link_project(tmp_path)
    settings = sweep(4)
    for experiment in settings["experiments"].values():
        experiment["expected"] = {"hours": 2.5, "gpu": "8 x V100"}
    del settings["experiments"]["e0003"]["expected"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path


def test_a_training_counts_once(project, run_command):
    """A pair has one training, the unpruned detector fine-tuned, and three budgets: the second adds just its own."""
    done = run_command("plan", "--configfile", "mine.yaml", cwd=project)
    assert done.status == 0, done.err
    found = done.json["experiments"]
    assert [one["trainings"] for one in found] == [4, 1, 4, 1]
    assert [one["gpu_hours"] for one in found] == [4 * 2.5 * 8, 2.5 * 8, 4 * 2.5 * 8, None]
    total = done.json["all"]
    assert (total["trainings"], total["finished"], total["gpu_hours"]) == (10, 0, 9 * 2.5 * 8)
    assert (total["gpu_hours_unknown"], total["disk_unknown"]) == (["e0003"], [f"e000{i}" for i in range(4)])
    lines = done.err.splitlines()
    assert lines[0].split() == [
        "experiment",
        "trainings",
        "finished",
        "to",
        "do",
        "hours",
        "each",
        "on",
        "GPU",
        "hours",
        "disk",
    ]
    assert lines[6].split() == ["all", "10", "0", "10", "180", "+", "1", "unknown", "0.0", "MB", "+", "4", "unknown"]


def test_what_is_finished_is_not_to_do_and_gives_the_sizes(project, run_command):
    """Disk is the mean of finished folders of the kind: 100 and 300 bytes of trainings, and so on."""
    seeds = [project / f"results/few/linear/own/seed-{seed}" for seed in (0, 1)]
    for seed, size in zip(seeds, (100, 300), strict=True):
        fill(seed / "train", "detector.json", size)
    for folder in ("retrain-finetune", "greedy/0.7/retrain-finetune"):
        fill(seeds[0] / folder, "detector.json", 1000)
    fill(seeds[0] / "predict", "predictions.parquet", 50)
    fill(seeds[0] / "greedy/0.7/slice", "detector.json", 70)
    fill(seeds[0] / "greedy/0.4/slice", "weights.npz", 9999)  # killed: not finished
    done = run_command("plan", "--configfile", "mine.yaml", "--run", "e0000,e0002", cwd=project).json
    assert [(one["trainings"], one["finished"]) for one in done["experiments"]] == [(4, 3), (4, 1)]
    assert [one["disk_bytes"] for one in done["experiments"]] == [70 + 1000, 50 + 1000 + 2 * (70 + 1000)]
    third = project / "mine.yaml"
    settings = yaml.safe_load(third.read_text())
    settings["experiments"]["e0002"]["seeds"] = [1, 2]
    third.write_text(yaml.safe_dump(settings))
    more = run_command("plan", "--configfile", "mine.yaml", "--run", "e0002", cwd=project).json
    assert more["all"]["disk_bytes"] == 2 * (50 + 1000 + 2 * (70 + 1000)) + 200


def fill(folder, witness, size):
    """A folder of `size` bytes, one file in a folder below it."""
    (folder / "deep").mkdir(parents=True)
    (folder / witness).touch()
    (folder / "deep/more").write_bytes(bytes(size))


def test_what_is_decided_against_is_not_to_do(project, run_command):
    """Auto may come to one training for all budgets, one for each, and the reference; what others want stays."""
    settings = yaml.safe_load((project / "mine.yaml").read_text())
    settings["experiments"]["e0000"]["retrain"] = "auto"
    (project / "mine.yaml").write_text(yaml.safe_dump(settings))
    done = run_command("plan", "--configfile", "mine.yaml", "--run", "e0000", cwd=project).json
    assert done["all"]["trainings"] == 1 + 1 + 2 + 1
    seed = project / "results/few/linear/own/seed-0"
    fill(seed / "train", "detector.json", 10)
    for budget in ("0.7", "0.4"):
        fill(seed / f"greedy/{budget}/retrain-auto", "detector.json", 10)
    done = run_command("plan", "--configfile", "mine.yaml", "--run", "e0000", cwd=project).json
    assert (done["all"]["trainings"], done["all"]["finished"]) == (1, 1)
    both = run_command("plan", "--configfile", "mine.yaml", "--run", "e0000,e0001", cwd=project).json
    assert [one["trainings"] for one in both["experiments"]] == [1, 1 + 2]


def test_every_paper_experiment_has_hours(run_command):
    """The paper's totals, by hand: trainings of ssd300-coco are the full one, 13 layouts, and two controls of each."""
    done = run_command("plan", "--run", "paper", cwd=ROOT).json
    found = {one["experiment"]: one for one in done["experiments"]}
    assert found["ssd300-coco"]["trainings"] == 1 + 3 * (5 + 2 * 4)
    assert (found["ssd300-coco"]["hours"], found["ssd300-coco"]["gpu"]) == (16, "8 x V100")
    assert found["ssd300-voc"]["gpu_hours"] == (1 + 2 * 4) * 4 * 8
    once = found["ssd300-coco-once-once"]  # its first training is ssd300-coco's
    assert (once["trainings"], once["hours"], once["gpu_hours"]) == (1, 5.5, 5.5 * 8)
    assert done["all"]["gpu_hours_unknown"] == []


def test_hours_are_those_of_each_training(project, run_command):
    """A training and three that start from its weights; an experiment's own hours stand for all of them."""
    settings = yaml.safe_load((project / "mine.yaml").read_text())
    settings["detectors"]["linear"]["hours"] = {"training": 8, "finetuning": 2, "gpus": 4, "gpu": "A100"}
    del settings["experiments"]["e0000"]["expected"]
    (project / "mine.yaml").write_text(yaml.safe_dump(settings))
    done = run_command("plan", "--configfile", "mine.yaml", cwd=project).json
    first, second = done["experiments"][:2]
    assert (first["trainings"], first["hours"], first["gpu"]) == (4, (8 + 3 * 2) / 4, "4 x A100")
    assert first["gpu_hours"] == (8 + 3 * 2) * 4
    assert (second["hours"], second["gpu"], second["gpu_hours"]) == (2.5, "8 x V100", 2.5 * 8)
    assert done["all"]["gpu_hours_unknown"] == []
    fill(project / "results/few/linear/own/seed-0/train", "detector.json", 1)
    left = run_command("plan", "--configfile", "mine.yaml", "--run", "e0000", cwd=project).json["all"]
    assert left["gpu_hours"] == 3 * 2 * 4


def test_files_are_laid_over_each_other_as_snakemake_does(tmp_path):
    utils = pytest.importorskip("snakemake.utils")
    below, above = (
        {"a": {"b": 1, "c": {"d": [1]}}, "e": 2, "f": {"g": 1}},
        {"a": {"c": {"d": [2], "h": 3}}, "f": 4, "i": {}},
    )
    for name, value in (("below", below), ("above", above)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(value))
    expected = copy.deepcopy(below)
    utils.update_config(expected, above)
    assert read_laid_over([tmp_path / "below.yaml", tmp_path / "above.yaml"]) == expected


def test_what_a_module_is_given_lies_over_the_files_that_are_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert over_shipped({"run": ["mine"]}) == {"run": ["mine"]}
    (tmp_path / "config").mkdir()
    (tmp_path / "config/experiments.yaml").write_text("run: [demo]\nexperiments: {demo: {seeds: [0]}}\n")
    mine = {"run": ["mine"], "experiments": {"mine": {"seeds": [1]}}}
    experiments = {"demo": {"seeds": [0]}, "mine": {"seeds": [1]}}
    assert over_shipped(mine) == {"run": ["mine"], "experiments": experiments}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (None, "no such configuration file"),
        ("[1]", "is a list"),
        ("a: [", "mend the YAML there"),
    ],
)
def test_a_file_that_is_wrong_is_one_line(tmp_path, text, line):
    file = tmp_path / "mine.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=r"mine\.yaml: ") as error:
        read_laid_over([file])
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_a_detector_that_is_given_is_taken_over(run_command):
    """Its unpruned form is trained for what is retrained alone; a k-means control is held against one from scratch."""
    config = {**shipped_config(), "run": ["own"]}
    config["detectors"]["own"] = {"config": "c.py", "weights": "w.pth", "anchor_sets": {"own": {"from": "config"}}}
    own = {"detector": "own", "dataset": "scenes", "anchor_sets": ["own"], "searches": ["best"], "budgets": [0.5]}
    for more, expected in (
        ({"retrain": "none"}, []),
        ({"retrain": "none", "controls": ["kmeans"]}, ["best+kmeans/0.5/train", "retrain-scratch"]),
        ({"retrain": "finetune"}, ["best/0.5/retrain-finetune", "retrain-finetune"]),
        ({"retrain": "scratch", "controls": ["random"]},
         ["best+random/0.5/retrain-scratch", "best/0.5/retrain-scratch", "retrain-scratch"]),
        ({"retrain": "once"}, ["retrain-once"]),
        ({"retrain": "once-plain", "budgets": [0.5, 0.3]}, ["retrain-finetune"]),
        ({"retrain": ["once", "once-plain"], "controls": ["kmeans"]},
         ["best+once+kmeans/0.5/train", "best+once-plain+kmeans/0.5/train", "retrain-finetune", "retrain-once",
          "retrain-scratch"]),
        ({"retrain": "auto"}, ["best/0.5/retrain-finetune", "retrain-finetune", "retrain-once"]),
    ):  # fmt: skip
        config["experiments"]["own"] = {**own, **more}
        items = [
            item
            for item in work_items(plan(json.loads(json.dumps(config)), SCHEMA))
            if item.kind in ("train", "retrain")
        ]
        assert sorted(str(item.folder.relative_to("scenes/own/own/seed-0")) for item in items) == expected
