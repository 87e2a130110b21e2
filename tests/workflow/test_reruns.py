"""What is run again after a change: the table of docs/reruns.md, row by row, by the jobs that Snakemake ran."""

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import PIL.Image
import pytest
import yaml
from backends.trained import CONFIG, write_data
from running.command import ROOT
from running.pipeline import environment, jobs_planned, jobs_run, link_project, snakemake

from anchorprune.files import read_json, write_json

pytestmark = pytest.mark.long

REPORT = re.compile("all|manifest|experiment_manifest|report(_experiment.*)?")
SPLITS = ("train", "prune", "test")
SETTINGS = {
    "run": ["mine"],
    "datasets": {
        "few": {
            "kind": "coco",
            **{name: {"annotations": f"data/{name}.json", "images": f"data/images/{name}"} for name in SPLITS},
        }
    },
    "detectors": {"linear": {"backend": "linear", "config": str(CONFIG), "anchor_sets": {"own": {"from": "config"}}}},
    "experiments": {
        "mine": {
            "detector": "linear",
            "dataset": "few",
            "anchor_sets": ["own"],
            "searches": ["greedy"],
            "budgets": [0.7, 0.4],
            "retrain": "finetune",
        }
    },
}
SLICED = {"slice": 1, "retrain": 1, "evaluate": 2}  # of each layout
UNPRUNED = {"train": 1, "predict": 1, "retrain_unpruned": 1, "evaluate": 2}  # of each training


def times(count, jobs):
    return {rule: count * number for rule, number in jobs.items()}


def together(*parts):
    return dict(sum(map(Counter, parts), Counter()))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project whose pipeline has run."""
    folder = tmp_path_factory.mktemp("finished")
    link_project(folder)
    (folder / "rules").unlink()
    shutil.copytree(ROOT / "rules", folder / "rules")
    write_data(folder / "data", train=120, prune=30, test=30)
    write(folder)
    snakemake(folder, "--configfile", "mine.yaml")
    assert jobs(folder) == {}
    return folder


@pytest.fixture
def project(finished, tmp_path):
    """The finished project, elsewhere."""
    return copied(finished, tmp_path / "project")


def copied(finished, folder):
    """A copy as `cp -a` makes it."""
    return Path(shutil.copytree(finished, folder, symlinks=True))


def write(folder, **changes):
    """Write mine.yaml; a change `experiments.mine.seeds` is given as `experiments__mine__seeds`."""
    settings = yaml.safe_load(yaml.safe_dump(SETTINGS))
    for path, value in changes.items():
        *keys, last = path.split("__")
        place = settings
        for key in keys:
            place = place.setdefault(key, {})
        place[last] = value
    (folder / "mine.yaml").write_text(yaml.safe_dump(settings))


def jobs(folder, *arguments):
    """Run the pipeline: how many jobs of each rule it ran, those of the report apart."""
    snakemake(folder, "--configfile", "mine.yaml", *arguments)
    return without_report(jobs_run(folder))


def without_report(counts):
    return {rule: count for rule, count in counts.items() if not REPORT.fullmatch(rule)}


def change_annotations(folder, split, box):
    file = folder / f"data/{split}.json"
    value = read_json(file)
    value["annotations"][0]["bbox"][2] += box
    write_json(file, value)


def change_image(folder, split):
    file = sorted((folder / f"data/images/{split}").iterdir())[0]
    with PIL.Image.open(file) as image:
        image.transpose(PIL.Image.Transpose.FLIP_TOP_BOTTOM).save(file)


CONFIGURED = {
    "one budget more": (
        {"experiments__mine__budgets": [0.7, 0.5, 0.4]},
        together({"choose": 1}, SLICED),
    ),
    "one search more": (
        {"experiments__mine__searches": ["greedy", "best"]},
        together({"search": 1, "choose": 2}, times(2, SLICED)),
    ),
    "one seed more": (
        {"experiments__mine__seeds": [0, 1]},
        together(UNPRUNED, {"search": 1, "choose": 2}, times(2, SLICED)),
    ),
    "another experiment": (
        {"run": ["other"], "experiments__other": {**SETTINGS["experiments"]["mine"], "budgets": [0.4]}},
        {},
    ),
    "a seed fewer, a budget fewer": ({"experiments__mine__budgets": [0.4]}, {}),
    "a description": ({"experiments__mine__description": "The same."}, {}),
    "the memory of a job": ({"detectors__linear__resources": {"train": {"mem_mb": 4000}}}, {}),
    "a search's intervals": (
        {"searches": {"greedy": {"method": "greedy", "cost": "macs", "resamples": 50}}},
        {"search": 1, "choose": 2},
    ),
}


@pytest.mark.parametrize("row", CONFIGURED)
def test_a_change_of_the_configuration(project, row):
    changes, expected = CONFIGURED[row]
    write(project, **changes)
    assert jobs(project) == expected
    write(project)
    assert (jobs(project) == {}) == ("searches" not in changes)


PLANNED = {
    "the recipe of fine-tuning": (
        {"detectors__linear__finetuning": {"epochs": 3}},
        {"retrain": 2, "retrain_unpruned": 1, "evaluate": 3},
    ),
    "the recipe of training": (
        {"detectors__linear__training": {"epochs": 3}},
        together(UNPRUNED, {"search": 1, "choose": 2}, times(2, SLICED)),
    ),
    "the detector's config": (
        {"detectors__linear__options": {"a": 3}},
        together(UNPRUNED, {"search": 1, "choose": 2}, times(2, SLICED)),
    ),
}


@pytest.mark.parametrize("row", PLANNED)
def test_what_this_detector_refuses_to_heed_is_planned(finished, row):
    """It is solved, not trained in steps, so the jobs would say so."""
    changes, expected = PLANNED[row]
    write(finished, **changes)
    assert without_report(jobs_planned(finished, "--configfile", "mine.yaml")) == expected
    write(finished)
    assert without_report(jobs_planned(finished, "--configfile", "mine.yaml")) == {}


def test_a_comment(project):
    for file in [project / "mine.yaml", *(project / "rules").glob("*.smk")]:
        file.write_text(file.read_text().replace('"""', '"""More: ', 1) + "\n# nothing\n")
    assert jobs(project) == {}


def test_the_package(project, tmp_path):
    """A line of its code, be it a figure's style: `anchorprune verify` names what an older version made."""
    shutil.copytree(ROOT / "anchorprune", tmp_path / "code/anchorprune")
    for name in ("search/run.py", "report/figures/style.py", "detectors/training.py"):
        with (tmp_path / "code/anchorprune" / name).open("a") as file:
            file.write('\n\n"""Changed."""\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{tmp_path / 'code'}{os.pathsep}{os.environ['PYTHONPATH']}")
        assert jobs(project) == {}
        assert jobs(project, "--forcerun", "search") == {"search": 1, "choose": 2}


ANNOTATED = {
    "train": {"train": 1, "predict": 1, "retrain_unpruned": 1, "retrain": 2, "evaluate": 6, "search": 1},
    "prune": {"predict": 1, "search": 1, "choose": 2},
    "test": {"evaluate": 6},
}


@pytest.mark.parametrize("change", [change_annotations, change_image], ids=["a box", "an image"])
@pytest.mark.parametrize("split", SPLITS)
def test_the_data(project, split, change):
    change(project, split, *([1e-3] if change is change_annotations else []))
    found = jobs(project)
    assert found.pop("dataset") == 1
    if split == "train":  # everything, the layouts may be others then
        assert {rule: found[rule] for rule in ANNOTATED[split]} == ANNOTATED[split]
    else:  # a thousandth of a pixel in one box, one image: the layouts stay, and what was made with them
        assert found == ANNOTATED[split]


def test_data_written_again(project):
    """The same annotations with another date: nothing. An image with another date is read again, no more."""
    file = project / "data/train.json"
    file.write_bytes(file.read_bytes())
    assert jobs(project) == {}
    sorted((project / "data/images/train").iterdir())[0].touch()
    assert jobs(project) == {"dataset": 1}


def test_another_machine(project, tmp_path):
    """Copied with its dates, nothing is run; without them, the images are read again, no more."""
    assert jobs(project) == {}
    subprocess.run(["cp", "-r", str(project), str(tmp_path / "there")], check=True, env=environment())
    assert jobs(tmp_path / "there") == {"dataset": 1}
