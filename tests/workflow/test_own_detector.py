"""From a detector of one's own to the folder of a pruned one: `init` and one run of the pipeline, nothing trained."""

import json

import pandas as pd
import pytest
from running.pipeline import link_project, snakemake

pytest.importorskip("torch")

from anchorprune.deploy.onnx.session import OnnxDetector
from anchorprune.detectors.mmdet.detector import load
from anchorprune.heads.cost import cost
from anchorprune.heads.layout import Layout


@pytest.mark.pipeline
@pytest.mark.detectors
@pytest.mark.long
def test_own_detector(trained, run_command, tmp_path):
    link_project(tmp_path)
    annotations, images = trained.split("prune")
    done = run_command(
        *("init", "mine", "--config", trained.config, "--weights", trained.weights),
        *("--annotations", annotations, "--images", images, "--budget", 0.5),
        cwd=tmp_path,
    )
    assert done.status == 0, done.err
    snakemake(tmp_path, "--configfile", "mine/experiments.yaml")

    folder = tmp_path / "results/mine/mine/own/seed-0/best/0.5/slice/deploy"
    metrics = json.loads((folder / "metrics.json").read_text())
    onnx = json.loads((folder / "metrics-onnx.json").read_text())
    table = pd.read_csv(tmp_path / "results/report/results.csv", keep_default_na=False)
    assert list(table["budget"]) == [1, 0.5]
    assert table["ap"][1] == pytest.approx(metrics["ap"])
    assert metrics["ap"] > 0.05
    assert onnx["models"]["model"]["ap"] == pytest.approx(metrics["ap"], abs=1e-6)
    assert table["macs"][1] <= table["macs"][0] / 2
    kept = json.loads((folder / "layout.json").read_text())["kept"]
    assert kept == [int(i) for i in table["kept"][1].split()]
    taken = load(folder / "config.py", folder / "weights.pth").head
    assert (taken.num_anchors, cost(Layout.full(taken)).macs) == (len(kept), table["macs"][1])
    assert OnnxDetector(folder / "model.onnx").metadata.head == taken.to_dict()
    card = (folder / "README.md").read_text()
    assert f"{len(kept)} of {table['anchors'][0]} anchors" in card
    assert "train 0, prune 30, test 30" in card
