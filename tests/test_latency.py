"""Latency: timed parts, tables made and read, and the search that pays in milliseconds. No test times anything."""

import csv
import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from oracles.generate import HEAD, make, write
from oracles.reference import coco_dict

from anchorprune.cli import main
from anchorprune.errors import UserError
from anchorprune.heads.latency_table import LatencyTable
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess
from anchorprune.scoring import Scorer
from anchorprune.search.front import pareto_front
from anchorprune.search.methods import METHODS
from anchorprune.search.run import Options, search

# Levels of two and three anchors; the second anchor of the first level is dear.
TABLE = {
    "version": 1,
    "head": HEAD.name,
    "device": "a board",
    "runtime": "by hand",
    "threads": 1,
    "fixed_ms": 0.5,
    "levels": [{"ms": [0, 1.0, 5.0]}, {"ms": [0, 0.25, 0.5, 1.0]}],
    "post": {"levels": [{"ms": [0, 0.5, 1.0]}, {"ms": [0, 0.25, 0.25, 0.25]}]},
}


@pytest.fixture
def table_file(tmp_path):
    path = tmp_path / "latency-table.json"
    path.write_text(json.dumps(TABLE))
    return path


def test_a_layout_takes_the_sum_of_its_levels(table_file):
    table = LatencyTable.load(table_file, HEAD)
    assert table.device == "a board"
    for kept, milliseconds in (([0, 1, 2, 3, 4], 7.75), ([0], 2.0), ([1], 2.0), ([2, 4], 1.25), ([0, 3], 2.5)):
        assert table.predict(Layout.keep(HEAD, kept)) == milliseconds


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "not a latency table of version 1"),
        ({"head": "other"}, "table of head 'other'"),
        ({"levels": TABLE["levels"][:1]}, "damaged latency table"),
        ({"levels": [{"ms": [0, 1]}, TABLE["levels"][1]]}, "damaged latency table"),
        (
            {"levels": TABLE["levels"][::-1], "post": {"levels": TABLE["post"]["levels"][::-1]}},
            r"times for \[3, 2\] anchors per level, but the head has \[2, 3\]",
        ),
        ({"fixed_ms": -1}, "none negative"),
        ({"fixed_ms": float("nan")}, "none negative"),
        ({"device": None, "post": {}}, "damaged latency table"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, change, message):
    path = tmp_path / "table.json"
    path.write_text(json.dumps({**TABLE, **change}))
    with pytest.raises(UserError, match=message):
        LatencyTable.load(path, HEAD)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    annotations, candidates = make(7, images=30, boxes=60)
    write(folder / "p.parquet", candidates, Postprocess(0.0, 0.5, None, 100, 0))
    (folder / "a.json").write_text(json.dumps(coco_dict(annotations)))
    return folder, Scorer(write(folder / "q.parquet", candidates, Postprocess(0.0, 0.5, None, 100, 0)), annotations)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"shared"}))
def test_every_method_pays_in_milliseconds(files, table_file, method):
    table = LatencyTable.load(table_file, HEAD)
    result = search(files[1], Options(method, "latency", max_per_level=1, latency_table=table), ("0.5",))
    assert all(s.price == table.predict(Layout(HEAD, s.kept)) for s in result.evaluated)
    assert result.front == pareto_front(result.evaluated)
    assert result.budgets["0.5"].price <= 0.5 * result.full.price
    affordable = [s for s in result.evaluated if table.predict(Layout(HEAD, s.kept)) <= 0.5 * 7.75]
    assert result.budgets["0.5"].ap == max(s.ap for s in affordable)
    assert not {0, 1} <= set(result.budgets["0.5"].kept)  # together they take 5 ms


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"shared"}))
def test_milliseconds_far_below_one_do_not_change_what_is_found(files, table_file, method):
    """The unit must not matter: a table a million times faster gives the same subsets in the same order."""
    table = LatencyTable.load(table_file, HEAD)
    fast = LatencyTable(table.fixed / 1024, tuple(tuple(t / 1024 for t in level) for level in table.levels), "")
    slow, quick = (
        search(files[1], Options(method, "latency", max_per_level=1, latency_table=t)) for t in (table, fast)
    )
    assert [s.kept for s in slow.evaluated] == [s.kept for s in quick.evaluated]
    assert [s.kept for s in slow.front] == [s.kept for s in quick.front]


def test_search_command_with_a_latency_table(files, table_file, tmp_path, capsys):
    names = [str(files[0] / "p.parquet"), str(files[0] / "a.json"), "--output", str(tmp_path / "out")]
    given = ["search", *names, "--resamples", "0", "--budget", "0.4", "--cost", "latency"]
    assert main([*given, "--latency-table", str(table_file)]) == 0
    printed = json.loads(capsys.readouterr().out)
    with (tmp_path / "out/front.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["kept", "ap", "macs", "boxes", "anchors", "latency"]
    times = [float(row["latency"]) for row in rows]
    assert times == sorted(times, reverse=True) == [row["latency"] for row in printed["front"]]
    assert printed["full"]["latency"] == 7.75
    assert printed["budgets"]["0.4"]["latency"] <= 0.4 * 7.75
    import pyarrow.parquet as pq

    evaluated = pq.read_table(tmp_path / "out/evaluated.parquet").to_pylist()
    table = LatencyTable.load(table_file, HEAD)
    for row in evaluated:
        assert row["latency"] == table.predict(Layout.keep(HEAD, map(int, row["kept"].split())))
    assert main(given) == 2
    assert "go together" in capsys.readouterr().err
    assert main([*given, "--latency-table", str(table_file), "--budget", "0.1"]) == 2
    assert "the cheapest anchor alone costs" in capsys.readouterr().err


def test_reading_a_table_needs_neither_torch_nor_onnx():
    program = (
        "import sys\n"
        "for name in ('torch', 'mmcv', 'mmdet', 'mmengine', 'onnx', 'onnxruntime', 'cv2'): sys.modules[name] = None\n"
        "import anchorprune.search.run, anchorprune.heads.latency_table, anchorprune.commands.search\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# ---- measuring; needs onnxruntime


def test_the_fit_finds_the_times_it_was_given():
    measure_table = pytest.importorskip("anchorprune.deploy.latency.measure_table", exc_type=ImportError)
    levels = [{"anchors": 4, "cells": 1000}, {"anchors": 3, "cells": 100}]
    kept = [
        [[0, 1, 2, 3], [0, 1, 2]],
        [[0], [1, 2]],
        [[], [0, 1, 2]],
        [[1, 2], []],
        [[0, 1, 2], [1]],
        [[2], []],
        [[], [1]],
    ]

    def true(case):
        a, b = map(len, case)
        return (
            0.3 + 0.2 * (a > 0) + 0.1 * (b > 0) + 1e-3 * (1000 * a + 100 * b) + 5e-4 * (min(1000 * a, 1000) + 100 * b)
        )

    manifest = {"levels": levels, "nms_pre": 1000, "finish": [{"kept": case} for case in kept]}
    fixed, per_level = measure_table.fit_finish(manifest, [true(case) for case in kept])
    for case in kept:
        found = fixed + per_level[0][len(case[0])] + per_level[1][len(case[1])]
        assert found == pytest.approx(true(case), rel=1e-6)
    assert measure_table.rising([3.0, 1.0, 2.0, 5.0, 4.0]) == [2.0, 2.0, 2.0, 4.5, 4.5]
    found = measure_table.nonnegative(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]), np.array([3.0, 2.0, 1.0]))
    assert (found >= 0).all()
    times = measure_table.head_times(
        {"anchors": 5, "models": {"1": "", "5": ""}}, 0, {"empty": 0.5, "head 0 1": 1.5, "head 0 5": 5.5}
    )
    assert times == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.fixture(scope="module")
def exported(trained, run_command, tmp_path_factory):
    pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("table")
    images = trained.split("test")[1]
    done = run_command(
        *("latency", trained.config, trained.weights, "--images", images, "--count", 2, "--export-table", folder)
    )
    assert done.status == 0, done.err
    return folder


def test_a_device_measures_its_table_with_the_exported_script(trained, exported, tmp_path):
    """As on a device: the folder alone, another current folder, no anchorprune, no torch."""
    from anchorprune.heads.head import Head

    output = tmp_path / "table.json"
    subprocess.run(
        [sys.executable, "-I", exported / "measure_table.py", exported, "--rounds", "2", "--output", output],
        cwd=tmp_path,
        check=True,
    )
    head = Head.load(trained.folder / "head.json")
    table = LatencyTable.load(output, head)
    assert table.predict(Layout.full(head)) >= table.predict(Layout.keep(head, [0])) > 0
    written = json.loads(output.read_text())
    assert [level["measured"] for level in written["levels"]] == [[1, 2, 3], [1, 2, 3], [1, 2, 3], [1]]
    assert written["runtime"].startswith("ONNX Runtime")


def test_this_machine_measures_its_table_the_same_way(trained, exported):
    from anchorprune.deploy.latency.table_export import measure_here
    from anchorprune.heads.head import Head

    copied = []
    found = measure_here(
        lambda folder: copied.append(shutil.copytree(exported, folder, dirs_exist_ok=True)), 1, 2, time.process_time
    )
    assert not copied[0].exists()
    assert (found["threads"], found["rounds"], found["clock"]) == (1, 2, "process_time")
    assert [len(level["ms"]) for level in found["levels"]] == [4, 4, 4, 2]
    assert found["head"] == Head.load(trained.folder / "head.json").name


def test_the_tables_models_are_the_detectors_parts(trained, exported):
    import onnx

    from anchorprune.deploy.onnx.session import session

    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["finish"][0]["kept"] == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [0]]
    inputs = np.load(exported / "inputs.npz")
    for number, level in enumerate(manifest["levels"]):
        for count, name in level["models"].items():
            model = onnx.load(exported / name)
            convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
            assert len(convolutions) == 2
            found = session(model).run(None, {f"feature_{number}": inputs[f"0/feature_{number}"]})
            assert [out.shape[1] for out in found] == [4 * int(count), 4 * int(count)]
    assert sum(path.stat().st_size for path in exported.glob("head-*.onnx")) < 100_000


@pytest.mark.long
def test_timing_takes_turns_and_says_what_it_ran_on(trained, run_command, tmp_path):
    pytest.importorskip("onnxruntime")
    layout = tmp_path / "layout.json"
    layout.write_text(json.dumps({"version": 1, "head": "small", "kept": [0, 2, 6, 7]}))
    given = (
        "latency",
        trained.config,
        trained.weights,
        "--images",
        trained.split("test")[1],
        "--count",
        2,
        "--rounds",
        3,
    )
    done = run_command(*given, "--layout", "few", layout, "--runtime", "opencv", "--output", tmp_path / "latency.json")
    assert done.status == 0, done.err
    result = json.loads((tmp_path / "latency.json").read_text())
    assert result == done.json
    assert (result["threads"], result["rounds"], result["images"]) == (1, 3, 2)
    full, few = result["detectors"]
    assert (full["name"], few["name"]) == ("full", "few")
    assert few["cost"]["anchors_per_level"] == [2, 0, 2, 0]
    for one in (full, few):
        assert set(one["onnx"]) == {"features", "head", "finish", "end_to_end"}
        assert set(one["torch"]) == {"end_to_end"}
        for timing in (*one["onnx"].values(), *one["torch"].values()):
            assert 0 < timing["low"] <= timing["median"] <= timing["high"]
            images = timing["images"]
            assert 0 < images["median"] <= images["p95"] <= images["p99"]
            assert images["number"] == 2
        ((runtime, parts),) = one["runtimes"].items()
        assert runtime.startswith("OpenCV")
        assert set(parts) == {"end_to_end"}
    markdown = (tmp_path / "latency.md").read_text()
    assert "| few | CPU | 4 | 3M | 54% | 544 | 46% |" in markdown
    assert result["device"] in markdown
    same = run_command(*given, "--layout", "full", layout, "--output", tmp_path / "x.json", "--no-torch")
    assert same.status == 2
    assert "names of their own" in same.error_line
    nothing = run_command(*given[:4], tmp_path / "none", "--output", tmp_path / "y.json")
    assert nothing.status == 2
    assert "give a folder of real images" in nothing.error_line


def test_images_differ_by_their_own_medians():
    """Three images, timed in turn: one takes 10, one 20, one 90 ms; one round of each was disturbed."""
    pytest.importorskip("onnxruntime")
    from anchorprune.deploy.latency.rounds import summary

    found = summary([10, 20, 90, 500, 20, 90, 10, 700, 90, 10, 20, 900], 3).to_dict()["images"]
    assert found == {"number": 3, "median": 20, "p95": 83, "p99": 88.6}


def test_speed_ups_are_over_the_first_row():
    pytest.importorskip("onnxruntime")
    from anchorprune.deploy.latency.speedups import markdown

    def timing(median):
        return {"median": median, "images": {"median": median, "p95": 2 * median, "p99": 4 * median}}

    def row(name, anchors, factor, torch):
        onnx = {"features": 10.0, "head": 4.0 * factor, "finish": 2.0 * factor, "end_to_end": 10 + 6 * factor}
        return {
            "name": name,
            "cost": {"anchors": anchors, "macs": anchors * 10**6, "boxes": 100 * anchors},
            "onnx": {"end_to_end": {"images": {"number": 2}}},
            "providers": {"CPU": {part: timing(median) for part, median in onnx.items()}},
            "runtimes": {"other": {"end_to_end": timing(50 / factor)}},
            "torch": {"end_to_end": {"median": torch}} if torch else {},
        }

    facts = {"rounds": 3, "images": 2, "runtime": "by hand", "threads": 1, "device": "a board", "load": 0.5}
    facts["torch_device"] = "cpu"
    found = {**facts, "clock": "process_time", "detectors": [row("full", 8, 1, 20.0), row("few", 2, 0.5, None)]}
    lines = markdown(found).splitlines()
    assert lines[1] == "time; by hand, 1 thread(s), a board, load 0.5."
    assert lines[2].startswith("CPU time")
    assert lines[6:8] == [
        "| full | CPU | 8 | 8M | 0% | 800 | 0% | 10.00 | 4.00 | 2.00 | 6.00 | 1.00x | 16.00 | 1.00x | 20.00 |",
        "| few | CPU | 2 | 2M | 75% | 200 | 75% | 10.00 | 2.00 | 1.00 | 3.00 | 2.00x | 13.00 | 1.23x | - |",
    ]
    assert lines[9].startswith("End to end, over 2 images")
    assert lines[-4:] == [
        "| full | CPU | 16.00 | 32.00 | 64.00 | 1.00x | 1.00x | 1.00x |",
        "| few | CPU | 13.00 | 26.00 | 52.00 | 1.23x | 1.23x | 1.23x |",
        "| full | other | 50.00 | 100.00 | 200.00 | 1.00x | 1.00x | 1.00x |",
        "| few | other | 100.00 | 200.00 | 400.00 | 0.50x | 0.50x | 0.50x |",
    ]
    assert "CPU time" not in markdown({**found, "clock": "perf_counter"})


def test_providers_are_those_that_are_installed_and_named_as_what_they_are(caplog):
    onnxruntime = pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper

    from anchorprune.deploy.latency import providers
    from anchorprune.deploy.onnx.session import session

    assert "cpu" in providers.installed()
    assert "azure" not in providers.installed()
    assert providers.chosen(["cpu", "cpu"]) == ["CPUExecutionProvider"]
    assert set(providers.chosen(["all"])) == set(onnxruntime.get_available_providers()) - {"AzureExecutionProvider"}
    with pytest.raises(
        UserError, match=r"--provider rainbow: the installed ONNX Runtime .* has .*cpu; install a build"
    ):
        providers.chosen(["cpu", "rainbow"])
    assert providers.needs_gpu(["cpu", "tensorrt"])
    assert not providers.needs_gpu(["cpu", "openvino"])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    assert providers.described(session(model), "CPUExecutionProvider") == "CPU"
    assert not caplog.messages
    assert providers.described(session(model), "CUDAExecutionProvider") == "CPU, not CUDA"  # as one that does not start
    assert "computes with CPUExecutionProvider instead" in caplog.text


def test_a_provider_on_a_gpu_wants_one(trained, run_command, tmp_path, monkeypatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    given = "latency", trained.folder, "--images", tmp_path, "--output", tmp_path / "latency.json"
    for options, line in (
        (["--provider", "cuda"], "--provider on a GPU needs --device cuda"),
        (["--provider", "all"], "--provider on a GPU needs --device cuda"),
        (["--provider", "tensorrt"], "--provider tensorrt: the installed ONNX Runtime"),
    ):
        done = run_command(*given, *options)
        assert (done.status, line in done.err) == (2, True)


def test_calls_take_turns():
    measure_table = pytest.importorskip("anchorprune.deploy.latency.measure_table", exc_type=ImportError)
    seen = []
    calls = {name: lambda number, name=name: seen.append((name, number)) for name in "ab"}
    taken = measure_table.rounds_of(calls, 2)
    assert [name for name, _ in seen] == ["a", "a", "b", "b"] * (measure_table.WARM_UP + 2)  # the second is timed
    assert {number for _, number in seen} == {0, 1}
    assert {name: len(times) for name, times in taken.items()} == {"a": 2, "b": 2}
