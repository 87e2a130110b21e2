"""What a job's log says of how far it is, and the lines that commands write for it."""

import re

import pytest

from anchorprune.progress_bar import SECONDS, progress_bar
from snakemake_logger_plugin_anchorprune.job import Job

# As mmengine wrote it in a training of the demo.
TRAINING = """\
11/27 13:16:45 - mmengine - INFO - Epoch(train) [9][180/200]  lr: 2.0629e-05  eta: 0:00:02  time: 0.1138  \
data_time: 0.0111  grad_norm: 5.5717  loss: 2.2201  loss_cls: 1.7137  loss_bbox: 0.5064
11/27 13:16:48 - mmengine - INFO - Exp name: tmp52yyy82k_20261127_131331
"""


def job(tmp_path, log):
    (tmp_path / "job.log").write_text(log)
    output = ["results/scenes/ssd-demo/baseline/seed-0/train/detector.json"]
    return Job.of({"jobid": 3, "rule_name": "train", "output": output, "log": [str(tmp_path / "job.log")]})


def test_of_a_training_epoch_loss_and_time_left(tmp_path):
    found = job(tmp_path, TRAINING)
    assert str(found) == "train scenes/ssd-demo/baseline/seed-0"
    assert found.progress() == "epoch 9, step 180 of 200, loss 2.2201, 0:00:02 left"


def test_of_days_left(tmp_path):
    assert "2 days, 1:02:03 left" in job(tmp_path, TRAINING.replace("0:00:02", "2 days, 1:02:03")).progress()


def test_of_what_a_command_counts(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(SECONDS, "0.1")
    assert list(progress_bar(range(3), "pareto", unit=" subsets")) == [0, 1, 2]
    written = capsys.readouterr().err
    assert re.fullmatch(r"(progress: pareto: \d of 3 subsets, .+ left\n)+", written)
    assert re.match(r"pareto: \d of 3 subsets, ", job(tmp_path, written).progress())


def test_without_terminal_or_pipeline_nothing_is_written(monkeypatch, capsys):
    monkeypatch.delenv(SECONDS, raising=False)
    assert list(progress_bar(range(3), "pareto")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("reading\nanchorprune: error: a.json: not JSON\n", "a.json: not JSON"),
        ("reading\nKilled\n", "Killed"),
        ("", ""),
    ],
)
def test_why_it_failed(tmp_path, log, reason):
    assert job(tmp_path, log).reason() == reason
