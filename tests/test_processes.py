"""Every command as a process of its own, as users and rules start it; other tests call commands in their process."""

import json

import pytest
from oracles.generate import HEAD, make, write
from oracles.reference import coco_dict
from running.command import ROOT

from anchorprune.cli import COMMANDS
from anchorprune.heads.predictions import Postprocess

# Without torch; in a folder with the files of `core_files`
CORE = {
    "anchors": "head.json a.json",
    "compare": "p.parquet a.json --keep 0,1 --resamples 5",
    "choose": "searchable p.parquet a.json --budget 0.5 --resamples 0",
    "control": "random head.json layout.json --output random.json",
    "cost": "head.json --keep 0,1",
    "decide": "slice p.parquet a.json layout.json --output evidence.json",
    "dataset": "scenes --train 1 --prune 1 --test 1 --size 64 --output data",
    "download": "coco2017-test-dev-info --root .",
    "layout": "head.json --drop 1 --output fewer.json",
    "plan": "",
    "report": "manifest.json --output report",
    "score": "p.parquet a.json",
    "search": "p.parquet a.json --method greedy --resamples 0 --budget 0.5 --output searched",
    "shapes": "p.parquet a.json --output shapes",
    "verify": ".",
}
# With mmdet; in a folder with the files of `detector_files`, beside them the small detector and its data
DETECTORS = {
    "convert": "mmdet::yolo/yolov3_mobilenetv2_8xb24-320-300e_coco.py --output out",
    "deploy": "train --output out",
    "doctor": "--config none.yaml",
    "evaluate": "train data/test.json data/images/test --output out",
    "init": (
        "mine --config train/config.py --weights train/weights.pth --annotations data/prune.json "
        "--images data/images/prune"
    ),
    "latency": "train --images data/images/test --count 1 --rounds 1 --no-torch --output latency.json",
    "predict": "train data/test.json data/images/test --output p.parquet",
    "publish": (
        "train --layout layout.json --head train/head.json --evaluation evaluated --full-evaluation evaluated "
        "--dataset data/dataset.json --output out"
    ),
    "retrain": "train --iterations 1 --annotations data/prune.json --images data/images/prune --output out",
    "show": "train train data/images/test/test-000001.png --output out",
    "slice": "train layout.json --output out",
    "train": (
        "train/config.py --name again --iterations 1 --annotations data/prune.json --images data/images/prune "
        "--output out"
    ),
}
ELSEWHERE = {"submission"}  # test_submission.py, which has a detector of COCO's 80 classes


def test_every_command_is_started():
    assert {*CORE, *DETECTORS, *ELSEWHERE} == set(COMMANDS)
    assert len(CORE) + len(DETECTORS) + len(ELSEWHERE) == len(COMMANDS)


@pytest.fixture(scope="module")
def core_files(tmp_path_factory, run_command):
    folder = tmp_path_factory.mktemp("core")
    annotations, candidates = make(7)
    write(folder / "p.parquet", candidates, Postprocess(0.0, 0.5, None, 100, 0))
    (folder / "a.json").write_text(json.dumps(coco_dict(annotations)))
    HEAD.save(folder / "head.json")
    assert run_command("layout", "head.json", "--drop", "1", "--output", "layout.json", cwd=folder).status == 0
    figures = dict.fromkeys(("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"), 0.5)
    (folder / "metrics.json").write_text(json.dumps(figures))
    names = {"experiment": "e", "detector": "d", "dataset": "s", "anchor_set": "a", "seed": 0}
    files = {"head": str(folder / "head.json"), "unpruned": str(folder / "metrics.json")}
    (folder / "manifest.json").write_text(json.dumps([{**names, "method": "", "budget": 1, "files": files}]))
    search = ("search", "p.parquet", "a.json", "--any-budget", "--resamples", "0", "--output", "searchable")
    assert run_command(*search, cwd=folder).status == 0
    (folder / "config").symlink_to(ROOT / "config")
    (folder / "annotations").mkdir()
    (folder / "annotations/image_info_test-dev2017.json").write_text("{}")
    return folder


@pytest.mark.parametrize("name", CORE)
def test_without_torch(core_files, run_process, name):
    done = run_process(name, *CORE[name].split(), cwd=core_files)
    assert done.status == 0, done.err
    assert done.json
    assert "Warning" not in done.err


@pytest.fixture(scope="module")
def evaluated(trained, run_command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated")
    done = run_command("evaluate", trained.folder, *trained.split("test"), "--output", folder)
    assert done.status == 0, done.err
    return folder


@pytest.fixture
def detector_files(trained, evaluated, tmp_path):
    for name, place in (("train", trained.folder), ("data", trained.data), ("evaluated", evaluated)):
        (tmp_path / name).symlink_to(place)
    kept = {"version": 1, "head": "small", "kept": [0, 2, 6]}
    (tmp_path / "layout.json").write_text(json.dumps(kept))
    (tmp_path / "none.yaml").write_text("datasets: {}")
    return tmp_path


@pytest.mark.long
@pytest.mark.parametrize("name", DETECTORS)
def test_with_mmdet(detector_files, run_process, name):
    done = run_process(name, *DETECTORS[name].split(), cwd=detector_files)
    assert done.status == 0, done.err
    assert done.json
