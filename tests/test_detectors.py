"""Real mmdet detectors: training, raw predictions, and evaluation against mmdet's own."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest
from PIL import Image
from running.command import wait_for

from anchorprune.heads.layout import Layout

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def detector(trained):
    from anchorprune.detectors.mmdet.detector import load

    return load(trained.config, trained.weights)


@pytest.fixture(scope="module")
def scorer(trained):
    from anchorprune.datasets.coco import read_coco
    from anchorprune.heads.predictions import Predictions
    from anchorprune.scoring import Scorer

    return Scorer(Predictions.open(trained.predictions), read_coco(trained.split("prune")[0]))


def mmdet_results(detector, annotations, images, folder) -> tuple[list, float]:
    """What mmdet's own metric makes of the detector's predictions: its results file, and its AP (three decimals)."""
    from mmdet.evaluation import CocoMetric

    from anchorprune.detectors.mmdet.inference.loop import prepared_images

    with contextlib.redirect_stdout(io.StringIO()):
        metric = CocoMetric(ann_file=str(annotations), metric="bbox", outfile_prefix=str(folder / "mmdet"))
        metric.dataset_meta = {"classes": detector.classes}
        for batch in prepared_images(detector, annotations, images, "test"):
            samples = detector.model.predict(batch["inputs"], batch["data_samples"], rescale=True)
            metric.process({}, [sample.to_dict() for sample in samples])
        figures = metric.compute_metrics(metric.results)
    return json.loads((folder / "mmdet.bbox.json").read_text()), figures["bbox_mAP"]


LAYOUTS = [list(range(10)), [0, 1, 3, 4, 6, 9], [3, 4, 5, 6, 7, 8], [0, 3, 6]]


@pytest.mark.parametrize("kept", LAYOUTS, ids=str)
def test_the_searched_ap_is_the_sliced_detectors(trained, detector, scorer, kept, tmp_path):
    from anchorprune.datasets.coco import read_coco
    from anchorprune.detectors.mmdet.pruned import slice_detector
    from anchorprune.heads.detections import SplitDetections
    from anchorprune.metrics.coco_eval import coco_figures

    sliced = slice_detector(detector, Layout.keep(detector.head, kept), tmp_path)
    annotations, images = trained.split("prune")
    searched = scorer.score(kept)
    assert searched.ap > 0.05  # far above noise: a detector that learnt nothing stays below 0.01
    results, rounded = mmdet_results(sliced, annotations, images, tmp_path)
    assert rounded == pytest.approx(searched.ap, abs=5e-4 + 1e-4)
    exact = coco_figures(read_coco(annotations), SplitDetections.from_rows(results))
    assert exact["ap"] == pytest.approx(searched.ap, abs=1e-4)


def test_candidates_hold_everything_above_the_threshold(trained, detector):
    from anchorprune.detectors.mmdet.inference.candidates import candidates
    from anchorprune.detectors.mmdet.inference.loop import prepared_images

    annotations, images = trained.split("prune")
    batch = next(prepared_images(detector, annotations, images, "test"))
    with torch.no_grad():
        outputs = detector.model.bbox_head(detector.model.extract_feat(batch["inputs"]))
    sample = batch["data_samples"][0]
    anchor, label, score, box = candidates(detector, [[o[0] for o in level] for level in outputs], sample.metainfo)
    probabilities = torch.cat(
        [level[0].permute(1, 2, 0).reshape(-1, 4).softmax(-1)[:, :3].reshape(-1) for level in outputs[0]]
    )
    assert len(score) == int((probabilities > 0.02).sum())
    np.testing.assert_allclose(np.sort(score), np.sort(probabilities[probabilities > 0.02].numpy()), rtol=1e-6)
    assert set(anchor) <= set(range(10))
    assert set(label) <= {0, 1, 2}
    assert box[:, :2].min() >= 0
    assert box.max() <= 128
    assert (box[:, 2:] >= box[:, :2]).all()


def test_head_json_says_what_was_built(trained, detector):
    value = json.loads((trained.folder / "head.json").read_text())
    assert value == detector.head.to_dict()
    assert value["name"] == "small"
    assert [level["grid"] for level in value["levels"]] == [[16, 16], [8, 8], [4, 4], [2, 2]]
    assert value["levels"][0]["anchors"][1] == [23, 11]


@pytest.mark.long
def test_a_killed_training_ends_as_one_that_was_not(trained, run_command, tmp_path):
    """Stop after the second of three epochs by a kill, resume, and compare the weights bit by bit."""
    arguments = [
        *("retrain", trained.config, "--annotations", trained.data / "prune.json"),
        *("--images", trained.data / "images/prune", "--epochs", 3, "--seed", 5),
    ]
    whole = run_command(*arguments, "--output", tmp_path / "whole")
    assert whole.status == 0, whole.err
    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "anchorprune", *map(str, arguments), "--output", str(killed)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for(killed / "checkpoints/iter_*.pth", process, tmp_path / "log")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert not (killed / "weights.pth").exists()
    resumed = run_command(*arguments, "--output", killed)
    assert resumed.status == 0, resumed.err
    assert "resumes from its last checkpoint" in resumed.err
    assert re.search(r"resumed epoch: [12], iter: (8|16)\b", resumed.err)
    said = [resumed.err.count(f"Epoch(train) [{epoch}]") for epoch in (1, 2, 3)]
    assert said == [1, 1, 1]  # those before the kill are repeated from the log
    a, b = (torch.load(f / "weights.pth", weights_only=True) for f in (tmp_path / "whole", killed))
    assert all(torch.equal(a[name], b[name]) for name in a)
    again = run_command(*arguments, "--output", killed)
    assert "this training is finished already" in again.err


@pytest.mark.long
def test_one_process_trains_in_a_folder_at_a_time(trained, tmp_path):
    """What a killed Snakemake leaves running is waited for, and its result is taken over."""
    command = [
        *(sys.executable, "-m", "anchorprune", "retrain", str(trained.config), "--epochs", "1"),
        *("--annotations", str(trained.data / "prune.json"), "--images", str(trained.data / "images/prune")),
        *("--output", str(tmp_path / "out")),
    ]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    messages = sorted((process.communicate()[1] for process in both), key=len)
    assert [process.returncode for process in both] == [0, 0], messages
    assert "another process trains here; waiting for it" in messages[0]
    assert "this training is finished already" in messages[0]
    assert "waiting" not in messages[1]


def test_a_loss_that_is_no_number_stops_the_training(trained, run_command, tmp_path):
    done = run_command(
        *("retrain", trained.config, "--annotations", trained.data / "prune.json", "--learning-rate", 1e30),
        *("--images", trained.data / "images/prune", "--epochs", 2, "--output", tmp_path / "out"),
    )
    assert done.status == 2
    assert re.search(r"the loss is (nan|inf) at epoch \d+, iteration \d+; lower the learning rate", done.error_line)
    assert not (tmp_path / "out/weights.pth").exists()


def test_evaluate_writes_coco_figures(trained, run_command, tmp_path):
    annotations, images = trained.split("test")
    done = run_command(
        "evaluate", trained.config, trained.weights, annotations, images, "--output", tmp_path / "evaluation"
    )
    assert done.status == 0, done.err
    metrics = json.loads((tmp_path / "evaluation/metrics.json").read_text())
    assert metrics == done.json
    assert metrics["images"] == 40
    value = json.loads(annotations.read_text())
    assert (metrics["ground_truths"], metrics["crowds"]) == (len(value["annotations"]), 0)
    assert metrics["evaluator"] == {"name": "pycocotools", "version": version("pycocotools")}
    assert set(metrics["per_class"]) == {"ellipse", "rectangle", "triangle"}
    assert metrics["ap"] == pytest.approx(np.mean(list(metrics["per_class"].values())))
    assert metrics["ap"] > 0.05
    detections = json.loads((tmp_path / "evaluation/detections.json").read_text())
    assert len(detections) == metrics["detections"] > 0
    assert {key for row in detections for key in row} == {"image_id", "category_id", "bbox", "score"}


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_images_and_categories_must_be_the_detectors(trained, run_command, tmp_path, command):
    annotations, images = trained.split("test")
    value = json.loads(annotations.read_text())
    renamed = tmp_path / "renamed.json"
    renamed.write_text(json.dumps({**value, "categories": [{"id": i, "name": f"c{i}"} for i in (1, 2, 3)]}))
    output = ("--output", tmp_path / ("p.parquet" if command == "predict" else "out"))
    done = run_command(command, trained.config, trained.weights, renamed, images, *output)
    assert done.status == 2
    assert "are not the detector's" in done.error_line
    folder = tmp_path / "images"
    shutil.copytree(images, folder)
    gone = folder / value["images"][7]["file_name"]
    gone.unlink()
    done = run_command(command, trained.config, trained.weights, annotations, folder, *output)
    assert done.status == 2
    assert str(gone) in done.error_line
    assert not list(tmp_path.glob("*.parquet"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("command", "workers"), [("predict", 0), ("predict", 2), ("evaluate", 2)])
def test_a_cut_image_is_named(trained, run_command, tmp_path, command, workers):
    """Whose decoder would fill the rest with grey; in the main process and in loading ones."""
    annotations, images = trained.split("test")
    folder = tmp_path / "images"
    shutil.copytree(images, folder)
    cut = folder / json.loads(annotations.read_text())["images"][3]["file_name"]
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    Image.fromarray(pixels).save(cut, "JPEG")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    config = tmp_path / "config.py"
    config.write_text(trained.config.read_text() + f"\ntest_dataloader['num_workers'] = {workers}\n")
    output = tmp_path / ("p.parquet" if command == "predict" else "out")
    done = run_command(command, config, trained.weights, annotations, folder, "--output", output)
    assert done.status == 2
    assert done.error_line.startswith(f"anchorprune: error: {cut}: image is damaged or cut off")
    assert "Traceback" not in done.err
    assert not output.exists()


@pytest.mark.long
def test_libraries_remarks_on_what_nothing_needs_are_not_heard(trained, run_process, tmp_path):
    annotations, images = trained.split("test")
    layout = tmp_path / "layout.json"
    assert run_process("layout", trained.folder / "head.json", "--drop", "9", "--output", layout).status == 0
    for words in (
        ("predict", trained.folder, annotations, images, "--output", tmp_path / "p.parquet"),
        ("evaluate", trained.folder, annotations, images, "--output", tmp_path / "out"),
        ("slice", trained.folder, layout, "--output", tmp_path / "sliced"),  # a level without anchors
    ):
        done = run_process(*words)
        assert done.status == 0, done.err
        for remark in ("OneDL", "faster_coco_eval", "zero-element", "Warning"):
            assert remark not in done.err, words[0]
