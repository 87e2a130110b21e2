"""Ways that train once for all budgets, or only where it pays: the jobs they come to, and what is compared."""

import json
import re
from collections import Counter

import pandas as pd
import pytest
import yaml
from backends.trained import CONFIG
from running.pipeline import jobs_planned, jobs_run, snakemake

REPORT = re.compile("all|manifest|experiment_manifest|report(_experiment.*)?")
TRAININGS = ("train", "retrain_unpruned", "retrain", "train_control")
SEED = "results/few/linear/own/seed-0"


@pytest.fixture
def folder(project):
    """A project of the linear detector."""
    write(project)
    return project


def write(folder, retrain="none", finetuning=None, **more):
    experiment = {"detector": "linear", "dataset": "few", "anchor_sets": ["own"], "retrain": retrain}
    experiment |= {"searches": ["greedy"], "budgets": [0.7, 0.4], **more}
    own = {"from": "config", "layouts": {"no-large": {"drop": [6, 7]}}}
    linear = {"backend": "linear", "config": str(CONFIG), "anchor_sets": {"own": own}, "finetuning": finetuning or {}}
    settings = {
        "run": ["mine"],
        "datasets": {"few": {"kind": "scenes", "seed": 1, "train": 60, "prune": 30, "test": 30}},
        "detectors": {"linear": linear},
        "experiments": {"mine": experiment},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(settings))


def jobs(folder, *arguments):
    """Run the pipeline: how many jobs of each rule, those of the report apart."""
    snakemake(folder, "--configfile", "mine.yaml", *arguments)
    return without_report(jobs_run(folder))


def planned(folder, *arguments):
    """The same of a dry run."""
    return without_report(jobs_planned(folder, "--configfile", "mine.yaml", *arguments))


def without_report(counts):
    return {rule: count for rule, count in counts.items() if not REPORT.fullmatch(rule)}


def together(*parts):
    return dict(sum(map(Counter, parts), Counter()))


DATA = {"dataset": 1, "train": 1}
# What each way comes to in jobs, for two budgets of a search, a fixed layout, and a random control of each.
BASE = {"predict_retrained": 1, "search": 1, "choose": 2, "slice": 6, "random_control": 3, "layout": 1, "score": 4}
PLANNED = {
    "once": together(DATA, BASE, {"retrain_unpruned": 1, "evaluate": 7}),
    "once-plain": together(DATA, BASE, {"retrain_unpruned": 1, "evaluate": 7}),
    "finetune": {
        **together(DATA, BASE, {"predict": 1, "retrain_unpruned": 1, "retrain": 6, "evaluate": 14}),
        "predict_retrained": 0,
    },
}


@pytest.mark.parametrize("way", PLANNED)
def test_jobs_of_a_way(folder, way):
    write(folder, way, layouts=["no-large"], controls=["random"])
    assert planned(folder) == {rule: count for rule, count in PLANNED[way].items() if count}


def test_a_list_of_ways_shares_what_is_the_same(folder):
    """The reference of a fine-tuning for each budget is what once-plain is cut from."""
    write(folder, ["finetune", "once", "once-plain", "none"])
    found = planned(folder)
    assert {rule: found[rule] for rule in ("train", "retrain_unpruned", "retrain", "search")} == {
        "train": 1,
        "retrain_unpruned": 2,
        "retrain": 2,
        "search": 3,
    }
    one = planned(folder, "--config", "run=mine-none")
    assert not set(one) & {"retrain", "retrain_unpruned", "predict_retrained"}


def test_a_front_that_subsets_are_drawn_near_is_an_input(folder):
    (folder / "front.csv").touch()
    write(folder, "once", finetuning={"anchor_dropout": {"draw": "front", "front": "front.csv"}})
    text = snakemake(folder, "--configfile", "mine.yaml", "--dry-run").stdout
    inputs = re.search(r"^rule retrain_unpruned:\n +input: (.+)$", text, re.MULTILINE)[1]
    assert "front.csv" in inputs.split(", ")


@pytest.mark.long
def test_once_is_compared_with_what_it_is_cut_from(folder):
    """Unpruned, searched and cut: all of the detector that was fine-tuned; nothing is trained after the search."""
    write(folder, ["once", "finetune"], budgets=[0.4])
    found = jobs(folder)
    assert {rule: found[rule] for rule in TRAININGS[:3]} == {"train": 1, "retrain_unpruned": 2, "retrain": 1}
    assert jobs(folder) == {}
    table = read_table(folder)
    for name, base in (("once", "retrain-once"), ("finetune", "retrain-finetune")):
        full, pruned = (row for _, row in table[table["experiment"] == f"mine-{name}"].iterrows())
        metrics = json.loads((folder / SEED / base / "evaluate/metrics.json").read_text())
        assert float(full["ap"]) == float(pruned["ap_reference"]) == metrics["ap"]
    full, pruned = (row for _, row in table[table["experiment"] == "mine-once"].iterrows())
    assert (full["ap_sliced"], pruned["ap_sliced"]) == (full["ap"], pruned["ap"])  # nothing is trained after the cut
    search = json.loads((folder / SEED / "greedy+once/search/search.record.json").read_text())
    assert f"{SEED}/retrain-once/predict/predictions.parquet" in search["inputs"]
    manifest = json.loads((folder / "results/report/manifest.json").read_text())
    assert {row["compared"] for row in manifest} == {"mine"}
    recipe = json.loads((folder / SEED / "retrain-once/retrain.record.json").read_text())["arguments"]
    assert "anchor_dropout" in recipe
    write(folder, ["once", "finetune"])
    assert planned(folder, "--config", "run=mine-once") == {"choose": 1, "slice": 1, "evaluate": 1}


def read_table(folder):
    """The numbers as they stand there, to the last digit."""
    return pd.read_csv(folder / "results/report/results.csv", keep_default_na=False, float_precision="round_trip")


def decisions(folder):
    files = sorted((folder / SEED / "greedy").glob("*/retrain-auto/decision.json"))
    return [json.loads(file.read_text()) for file in files]


@pytest.mark.long
def test_auto_trains_only_what_is_asked_for(folder):
    """Slices that lose less than allowed come out as they are; a budget more trains nothing; then with less allowed."""
    write(folder, "auto", no_loss=0.3, budgets=[0.7])
    steps = {f"decide_{step}": 1 for step in ("slice", "once", "finetune")}
    each = {**steps, "choose": 1, "slice": 1, "decide": 1, "sliced": 1, "evaluate": 2}
    assert jobs(folder) == together(DATA, {"predict": 1, "search": 1, "evaluate": 1}, each)
    assert jobs(folder) == {}
    write(folder, "auto", no_loss=0.3)
    assert jobs(folder) == each
    assert [one["finish"] for one in decisions(folder)] == ["none", "none"]
    check_report(folder, "train")

    write(folder, "auto", no_loss=1e-9)
    found = jobs(folder)
    assert {rule: found[rule] for rule in TRAININGS if found.get(rule)} == {"retrain_unpruned": 1, "retrain": 2}
    assert jobs(folder) == {}
    for one in decisions(folder):  # the linear detector's fine-tunings better nothing
        assert [step["finish"] for step in one["steps"]] == [None, None, "none"]
        assert one["finish"] == "none"
    check_report(folder, "train")

    change_evidence(folder, "0.4", "finetune", finish="finetune")  # had the budget's own fine-tuning been better
    assert jobs(folder) == {"decide": 1, "sliced": 1, "retrain_unpruned": 1, "evaluate": 2}  # with its reference
    metrics = json.loads((folder / SEED / "greedy/0.4/retrain-auto/evaluate/metrics.json").read_text())
    assert metrics["change"]["reference"] == f"{SEED}/retrain-finetune/evaluate"
    change_evidence(folder, "0.7", "once", finish="once", best="once")  # had one for all budgets been
    assert jobs(folder) == {"decide_finetune": 1, "decide": 1, "sliced": 1, "evaluate": 3}  # its slice, its reference
    assert [one["finish"] for one in decisions(folder)] == ["finetune", "once"]
    metrics = json.loads((folder / SEED / "greedy/0.7/retrain-auto/evaluate/metrics.json").read_text())
    assert metrics["change"]["reference"] == f"{SEED}/retrain-once/evaluate"

    write(folder, "auto", no_loss=0.3)
    assert not set(jobs(folder)) & set(TRAININGS)
    assert [one["finish"] for one in decisions(folder)] == ["none", "none"]
    check_report(folder, "train")
    assert jobs(folder) == {}


def change_evidence(folder, budget, step, **changes):
    evidence = folder / SEED / f"greedy/{budget}/auto/{step}.json"
    evidence.write_text(json.dumps({**json.loads(evidence.read_text()), **changes}))
    evidence.with_name(f"{step}.record.json").unlink()


def check_report(folder, reference):
    """Each pruned detector is compared with what it is cut from, and its layout is the one that was taken."""
    table = read_table(folder)
    pruned = table[table["method"] != ""].sort_values("budget")
    for (_, row), decision in zip(pruned.iterrows(), decisions(folder), strict=True):
        assert row["kept"] == " ".join(map(str, decision["kept"]))
        assert float(row["ap_search"]) == decision["ap"]
        metrics = folder / SEED / f"greedy/{row['budget']}/retrain-auto/evaluate/metrics.json"
        found = json.loads(metrics.read_text())
        assert found["change"]["reference"] == f"{SEED}/{reference}/evaluate"
        assert float(row["ap_reference"]) == found["change"]["ap_reference"]
        assert float(row["ap_sliced"]) == float(row["ap"])
