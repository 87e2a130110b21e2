"""The command line: help with examples, clean standard output, doctor, and the parts that need no torch."""

import errno
import json
import re
import signal
import subprocess
import sys

import pytest
import yaml
from running.command import ROOT

from anchorprune.cli import COMMANDS
from anchorprune.errors import UserError
from anchorprune.heads.head import Head, Level
from anchorprune.pipeline.arguments import choose_arguments, dataset_arguments, options
from anchorprune.pipeline.sources import annotation_files, check_sources


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(run_command, name):
    done = run_command(name, "--help")
    assert done.status == 0
    assert "Usage:" in done.out
    if name not in ("dataset", "control", "decide"):  # their sub-commands have them
        assert f"anchorprune {name}" in done.out.split("Example:")[1]


def test_mistakes_in_the_command_line_are_one_line(run_command):
    for arguments in (["prune-anchors"], ["cost"], ["cost", "--kep", "1", "head.json"]):
        done = run_command(*arguments)
        assert done.status == 2
        assert len(done.err.strip().splitlines()) == 1
        assert done.err.startswith("anchorprune: error: ")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ZeroDivisionError("a\nb"), "ZeroDivisionError: a; not foreseen; check the inputs, and report it"),
        (MemoryError(), "MemoryError; memory is full; end other programs"),
        (OSError(errno.ENOSPC, "No space left on device"), r"OSError: \[Errno 28\] .*; the disk is full; free some"),
        (EOFError("cut off"), "EOFError: cut off; not foreseen"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_nobody_foresaw_is_one_line(run_command, monkeypatch, tmp_path, error, line):
    def broken(*_):
        raise error

    monkeypatch.setattr("anchorprune.commands.cost.cost", broken)
    head = tmp_path / "head.json"
    Head("h", (8, 8), 1, (Level(8, (1, 1), 0, 1, ((8.0, 8.0),)),)).save(head)
    done = run_command("cost", head, XDG_STATE_HOME=str(tmp_path))
    assert done.status == 2
    assert re.match(f"anchorprune: error: {line}", done.error_line)
    assert len(done.err.strip().splitlines()) == 1
    (log,) = (tmp_path / "anchorprune/log").iterdir()
    assert f"traceback in {log};" in done.error_line
    assert "Traceback (most recent call last)" in log.read_text()
    done = run_command("--debug", "cost", head, XDG_STATE_HOME=str(tmp_path))
    assert done.status == 2
    assert "Traceback (most recent call last)" in done.err
    assert re.match(f"anchorprune: error: {line}", done.error_line)
    assert len(list((tmp_path / "anchorprune/log").iterdir())) == 1


@pytest.fixture
def heeded(sent):
    """The signal ends a process, as it does on a terminal; `nohup`, and a shell's `&`, have SIGINT ignored."""
    found = signal.signal(sent, signal.default_int_handler if sent == signal.SIGINT else signal.SIG_DFL)
    yield signal.getsignal(sent)
    signal.signal(sent, found)


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_is_no_error(run_command, monkeypatch, heeded, sent, status):
    monkeypatch.setattr("anchorprune.commands.cost._read_head", lambda *_: signal.raise_signal(sent))
    done = run_command("cost", "head.json")
    line = f"anchorprune: interrupted by {sent.name}; run the same command again to go on"
    assert (done.status, done.err.split("\n")[-2]) == (status, line)
    assert signal.getsignal(sent) is heeded


def test_jobs_that_score_keep_to_their_threads():
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for rule in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]:
            command = re.search(r"anchorprune (\w+)", rule.partition("shell:")[2])
            if command and command[1] in ("score", "search", "compare", "publish", "deploy", "predict", "evaluate"):
                assert "--threads {threads}" in rule, f"{path.name}: {rule.partition(':')[0]}"
                assert "    threads:" in rule, f"{path.name}: {rule.partition(':')[0]}"


@pytest.mark.detectors
def test_doctor(run_command, tmp_path):
    done = run_command("doctor")
    assert done.status == 0
    assert done.json["torch"]["ok"]
    assert done.json["data set scenes"] == {"ok": True, "text": "generated"}
    assert len(done.err.strip().splitlines()) == len(done.json)
    config = tmp_path / "experiments.yaml"
    config.write_text(yaml.safe_dump({"datasets": {"d": {"kind": "voc", "root": "nowhere"}}}))
    done = run_command("doctor", "--config", config)
    assert done.json["data set d"]["ok"] is False
    assert "nowhere/Annotations is not there" in done.json["data set d"]["text"]
    assert run_command("doctor", "--config", tmp_path / "none.yaml").status == 1


def test_cost_score_search_and_report_run_without_torch():
    program = (
        "import sys\n"
        "for name in ('torch', 'mmcv', 'mmdet', 'mmengine'): sys.modules[name] = None\n"
        "import anchorprune.commands.cost, anchorprune.commands.score, anchorprune.commands.search\n"
        "import anchorprune.commands.report, anchorprune.commands.compare\n"
        "import anchorprune.scoring, anchorprune.search.run, anchorprune.heads.predictions, anchorprune.report.write\n"
        "import anchorprune.commands.shapes, anchorprune.metrics.coco_eval, anchorprune.datasets.coco\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_arguments():
    assert options({"epochs": 3, "batch_size": 8}) == ["--batch-size", "8", "--epochs", "3"]
    split = {"annotations": "a.json", "images": "b"}
    assert dataset_arguments({"kind": "coco", "train": split, "seed": 1}) == [
        *("coco", "--seed", "1", "--train", "a.json", "b")
    ]
    assert choose_arguments({"method": "greedy", "resamples": 9}) == ["--resamples", "9"]


def test_sources(tmp_path):
    split = {"annotations": str(tmp_path / "a.json"), "images": str(tmp_path)}
    dataset = {"kind": "coco", "train": split, "test": split, "seed": 0}
    with pytest.raises(UserError, match=r"datasets.mine.train.annotations: .*a.json does not exist"):
        check_sources("mine", dataset)
    (tmp_path / "a.json").write_text(json.dumps({}))
    check_sources("mine", dataset)
    assert annotation_files(dataset) == [str(tmp_path / "a.json")] * 2
    check_sources("scenes", {"kind": "scenes", "train": 3})


def test_a_number_of_prune_is_a_count_of_scenes_and_else_a_fraction():
    scenes = {"kind": "scenes", "train": 20, "prune": 5}
    assert dataset_arguments(scenes) == ["scenes", "--prune", "5", "--train", "20"]
    assert dataset_arguments({"kind": "coco2017", "prune": 0.1}) == ["coco2017", "--prune-fraction", "0.1"]
