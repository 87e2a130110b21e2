#!/usr/bin/env python3
"""Measure a latency table on this machine.

python measure_table.py FOLDER --threads 2 --output latency-table.json

FOLDER is what `anchorprune latency CONFIG WEIGHTS --images IMAGES --export-table FOLDER` wrote; this file is in it.
Copy the folder to the device (a Jetson, a Raspberry Pi); only Python, numpy and onnxruntime are needed there. The
table goes to `anchorprune search --cost latency --latency-table latency-table.json`.
"""

import argparse
import functools
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
import onnxruntime

VERSION = 1
CPU = "CPUExecutionProvider"
WARM_UP = 3  # rounds that are not counted


def rounds_of(calls, rounds, wrap=iter, clock=time.perf_counter):
    """Time each of `calls` (name -> function of the round's number) once a round, in turn.

    So the machine's drift meets all alike. A call is made twice and the second is timed, as of one frame after another:
    the first wakes its threads and fills the caches that the one before it had. Returns name -> milliseconds of each
    round after those that warm up. With `time.process_time` as clock it is the time that cores worked, which other
    programs on the machine disturb less; for one thread that is the time it takes on an idle machine.
    """
    taken = {name: [] for name in calls}
    for number in wrap(range(-WARM_UP, rounds)):
        for name, call in calls.items():
            call(number % rounds)
            start = clock()
            call(number % rounds)
            if number >= 0:
                taken[name].append(1e3 * (clock() - start))
    return taken


def measure(folder, threads, rounds, wrap=iter, clock=time.perf_counter, provider=CPU):
    """The latency table of an exported folder, as JSON's objects. See anchorprune/heads/latency_table.py."""
    folder = Path(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    with np.load(folder / "inputs.npz") as inputs:
        images = [_of_image(inputs, i) for i in range(manifest["images"])]
    got = []  # the provider of each session: one that does not start is the CPU's
    _call = functools.partial(timed_call, threads=threads, provider=provider, got=got)
    calls = {"empty": _call(folder / manifest["empty"], [{"x": np.zeros(1, np.float32)}])}
    for number, level in enumerate(manifest["levels"]):
        for count, name in level["models"].items():
            key = f"feature_{number}"
            calls[f"head {number} {count}"] = _call(folder / name, [{key: image[key]} for image in images])
    for number, case in enumerate(manifest["finish"]):
        feeds = [_kept(image, case["kept"], manifest["channels"]) for image in images]
        calls[f"finish {number}"] = _call(folder / case["model"], feeds)
    medians = {name: float(np.median(values)) for name, values in rounds_of(calls, rounds, wrap, clock).items()}
    fixed, finishing = fit_finish(manifest, [medians[f"finish {i}"] for i in range(len(manifest["finish"]))])
    levels = [
        {"ms": head_times(level, number, medians), "measured": sorted(map(int, level["models"]))}
        for number, level in enumerate(manifest["levels"])
    ]
    return {
        "version": VERSION,
        "head": manifest["head"],
        "device": f"{processor()}, {cores()} cores",
        "runtime": ", ".join([f"ONNX Runtime {onnxruntime.__version__}", *sorted(set(got) - {CPU})]),
        "threads": threads,
        "rounds": rounds,
        "clock": clock.__name__,
        "levels": levels,
        "fixed_ms": fixed,
        "post": {"levels": [{"ms": times} for times in finishing]},
    }


def head_times(level, number, medians):
    """Milliseconds of a level's convolutions for 0, 1, .. anchors: medians less a run that does nothing, made to
    rise with the anchors; counts that were not measured lie on the line between their neighbours.
    """
    counts = sorted(map(int, level["models"]))
    times = [max(medians[f"head {number} {count}"] - medians["empty"], 0.0) for count in counts]
    times = np.interp(np.arange(1, level["anchors"] + 1), counts, rising(times)) if counts else []
    return [0.0, *map(float, times)]


def rising(values):
    """The nearest values, in least squares, that never fall: neighbours that do are replaced by their mean."""
    groups = []
    for value in values:
        groups.append([value])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            last = groups.pop()
            groups[-1] += last
    return [float(np.mean(group)) for group in groups for _ in group]


def fit_finish(manifest, times):
    """Decoding and NMS from runs with other anchors: a fixed time, and for each level the time of 0, 1, .. anchors.

    Least squares with no negative part: a fixed time, one for each level that is there, one for each box that is
    scored, and one for each box that enters the suppression (on each level at most `nms_pre`).
    """
    levels, most = manifest["levels"], manifest["nms_pre"] or float("inf")

    def parts(number, count):
        row = np.zeros(len(levels) + 2)
        boxes = levels[number]["cells"] * count
        row[number], row[-2], row[-1] = count > 0, boxes, min(boxes, most)
        return row

    rows = [sum(parts(i, len(kept)) for i, kept in enumerate(case["kept"])) for case in manifest["finish"]]
    found = nonnegative(np.column_stack([np.ones(len(rows)), np.array(rows)]), np.array(times))
    per_level = [
        [float(parts(i, count) @ found[1:]) for count in range(level["anchors"] + 1)] for i, level in enumerate(levels)
    ]
    return float(found[0]), per_level


def nonnegative(rows, values):
    """Least squares on relative errors with no negative coefficient: the most negative is taken out, and again."""
    left, scale = list(range(rows.shape[1])), rows / values[:, None]
    while True:
        found = np.zeros(rows.shape[1])
        found[left] = np.linalg.lstsq(scale[:, left], np.ones(len(values)), rcond=None)[0]
        if found.min() >= 0:
            return found
        left.remove(int(found.argmin()))


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor():
    """The processor or board as Linux names it; elsewhere the architecture."""
    for path, mark in (("/proc/device-tree/model", ""), ("/proc/cpuinfo", "model name")):
        try:
            lines = Path(path).read_text().strip("\0\n").splitlines()
        except OSError:
            continue
        names = [line.split(":", 1)[-1].strip() for line in lines if line.startswith(mark)]
        if names:
            return names[0]
    return platform.machine()


def _of_image(inputs, number):
    prefix = f"{number}/"
    return {name[len(prefix) :]: inputs[name] for name in inputs.files if name.startswith(prefix)}


def _kept(image, kept, channels):
    """The raw outputs (1, A * width, H, W) of one image with only some of each level's anchors."""
    feed = {}
    for name, (level, width) in channels.items():
        picked = [anchor * width + i for anchor in kept[level] for i in range(width)]
        if picked:
            feed[name] = np.ascontiguousarray(image[name][:, picked])
    return feed


def timed_call(path, feeds, threads, provider, got):
    """A model as a function of the round's number; what it computes with is added to `got`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # many sessions take turns
    session = onnxruntime.InferenceSession(str(path), options, providers=list(dict.fromkeys([provider, CPU])))
    got.append(session.get_providers()[0])
    return lambda number: session.run(None, feeds[number % len(feeds)])


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--cpu-time", action="store_true", help="of a machine others use too; needs --threads 1")
    parser.add_argument("--provider", default=CPU, choices=onnxruntime.get_available_providers())
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    if given.cpu_time and given.threads != 1:
        parser.error("--cpu-time needs --threads 1: the work of several cores is no duration")
    clock = time.process_time if given.cpu_time else time.perf_counter
    table = measure(given.folder, given.threads, given.rounds, clock=clock, provider=given.provider)
    given.output.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
