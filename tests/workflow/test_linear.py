"""The pipeline without torch: the second backend, trained and taken over, with controls; killed, and run again."""

import html
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from backends.trained import CONFIG, train, write_data
from running.pipeline import killed, snakemake

from anchorprune.report.data.results import COLUMNS

OWN = {"from": "config", "layouts": {"no-large": {"drop": [6, 7]}}}
CHANGES = ("ap_reference", "ap_change", "ap_change_low", "ap_change_high")
EXPERIMENT = {"dataset": "few", "anchor_sets": ["own"]}
SETTINGS = {
    "run": ["trained", "taken"],
    "datasets": {"few": {"kind": "scenes", "seed": 1, "train": 120, "prune": 30, "test": 30}},
    "detectors": {
        "linear": {"backend": "linear", "config": str(CONFIG), "anchor_sets": {"own": OWN}},
        "ready": {"backend": "linear", "config": str(CONFIG), "weights": "weights.npz", "anchor_sets": {"own": OWN}},
    },
    "experiments": {
        "trained": {
            **EXPERIMENT,
            "detector": "linear",
            "searches": ["greedy"],
            "budgets": [0.7, 0.4],
            "controls": ["random", "kmeans"],
            "retrain": "finetune",
        },
        "taken": {**EXPERIMENT, "detector": "ready", "layouts": ["no-large"], "retrain": "scratch"},
    },
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights from elsewhere: trained on other scenes."""
    data = write_data(tmp_path_factory.mktemp("scenes"), train=120, prune=1, test=1)
    return train(data, data / "linear").source


@pytest.fixture
def ours(project, weights):
    """A project of linear detectors."""
    (project / "weights.npz").symlink_to(weights)
    (project / "mine.yaml").write_text(yaml.safe_dump(SETTINGS))
    return project


@pytest.mark.pipeline
@pytest.mark.long
def test_end_to_end_with_a_kill_in_the_middle(ours, weights):
    trained, taken = (ours / f"results/few/{name}/own/seed-0" for name in ("linear", "ready"))
    killed(ours, trained / "predict/predictions.parquet")
    done = [ours / "results/data/few/dataset.json", trained / "train/detector.json"]
    before = [path.stat().st_mtime_ns for path in done]
    shown = snakemake(ours, "--configfile", "mine.yaml").stderr
    assert [path.stat().st_mtime_ns for path in done] == before

    report = ours / "results/report"
    check_closing_words(shown, pd.read_csv(report / "results.csv"), report)
    table = pd.read_csv(report / "results.csv", keep_default_na=False)
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    check_trained(table[table["experiment"] == "trained"])
    check_taken(table[table["experiment"] == "taken"], taken, weights)
    for name in ("pareto-trained", "layouts-trained", "layouts-taken"):
        for kind in ("pdf", "svg", "png"):
            assert f"{name}.{kind}" in {path.name for path in report.iterdir()}

    again = snakemake(ours, "--configfile", "mine.yaml")
    assert "Nothing to be done" in again.stderr + again.stdout
    whole = (report / "results.csv").read_bytes()
    (report / "results.csv").unlink()
    shown = snakemake(ours, "--configfile", "mine.yaml").stderr
    assert (report / "results.csv").read_bytes() == whole
    assert re.findall(r"^\[./2\] (\w+).* done", shown, re.MULTILINE) == ["report"]  # and `all`, which is not shown
    check_snakemakes_report(ours)


def check_snakemakes_report(project):
    """Every figure and table is an item with its caption, category and labels, and the page is one item."""
    snakemake(project, "--configfile", "mine.yaml", "--report", "report.zip")
    with zipfile.ZipFile(project / "report.zip") as packed:
        names = [name.rpartition("/")[2] for name in packed.namelist()]
        text = packed.read("report/report.html").decode()
    made = {path.name for path in (project / "results/report").iterdir() if path.suffix in (".svg", ".csv")}
    assert sorted(made | {"index.html", "report.html"}) == sorted(names)
    places = re.finditer(r'"results/report/([^"]+)": (?=\{)', text)
    items = {place[1]: json.JSONDecoder().raw_decode(text, place.end())[0] for place in places}
    assert items.keys() == made | {"index.html"}
    captions = Path(__file__).parents[2] / "rules/captions"
    for name, item in items.items():
        kind = "page" if name == "index.html" else name.partition("-")[0].removesuffix(".csv")
        words = " ".join((captions / f"{kind}.rst").read_text().splitlines()[1:]).replace("``", "")
        assert item["labels"]["part"] == kind
        assert words in " ".join(html.unescape(re.sub(r"<[^>]+>", "", item["caption"])).split())
    assert all(f'"{category}"' in text for category in ("trained", "taken", "all experiments"))


def check_closing_words(shown, table, report):
    """The end of the run: each detector's AP in a table that fits, the sentence of the best, where the page lies."""
    words = shown[shown.index("anchorprune: done in") :].strip().splitlines()
    assert words[-1] == f"The page: {report / 'index.html'}"
    assert max(map(len, words[:-1])) <= 110
    for ap, kept, saved in zip(table["ap"], table["anchors"], table["saved_macs"], strict=True):
        assert any(re.search(rf" {kept} +{1 - saved:.0%} .* {ap:.3f} ", line) for line in words)
    best = next(line for line in words if line.startswith("trained, own: "))
    kept, macs, change = re.match(r"trained, own: (\d+) of 8 anchors, (-\d+)% head MACs, .* AP (\S+) \[", best).groups()
    mine = table[(table["experiment"] == "trained") & (table["ap_change"].round(3) == float(change))]
    assert int(kept) in set(mine["anchors"])
    assert int(macs) in set((-100 * mine["saved_macs"]).round().astype(int))


def check_trained(table):
    full, rest = table.iloc[0], table.iloc[1:]
    assert list(rest["budget"]) == [0.7] * 3 + [0.4] * 3
    assert list(rest["control"]) == ["", "random", "kmeans"] * 2
    assert full["ap"] > 0.1
    assert full["ap"] != full["ap_sliced"]  # it was trained again, as the pruned ones were
    compared = rest[rest["control"] != "kmeans"].astype({name: float for name in CHANGES})
    assert set(compared["ap_reference"]) == {full["ap"]}
    fitted = rest.loc[rest["control"] == "kmeans", "ap_reference"].astype(float)
    assert fitted.to_list() == pytest.approx([float(full["ap_sliced"])] * 2, abs=1e-12)
    assert (compared["ap_change"] - (compared["ap"] - full["ap"])).abs().max() < 1e-9
    assert (compared["ap_change_low"] < compared["ap_change_high"]).all()
    assert set(rest["verdict"]) <= {"gains", "no measurable loss", "loses", "too few images to tell"}
    assert set(table["images_train"].astype(int)) == {120}
    for _, row in rest.iterrows():
        assert row["macs"] <= row["budget"] * full["macs"]
        assert row["saved_macs"] == pytest.approx(1 - row["macs"] / full["macs"])
        assert row["anchors"] < full["anchors"]
    for _, three in rest.groupby("budget"):
        assert three["anchors"].nunique() == three["macs"].nunique() == 1
        searched, drawn, fitted = (row for _, row in three.iterrows())
        assert float(searched["ap_search"]) > float(drawn["ap_search"])
        assert fitted["ap"] > 0.02


def check_taken(table, folder, weights):
    full, pruned = (row for _, row in table.iterrows())
    assert full["ap"] > 0.1
    assert pruned["kept"] == "0 1 2 3 4 5"
    assert not (folder / "train/train.log").exists()
    with np.load(folder / "train/weights.npz") as ours, np.load(weights) as theirs:
        assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    score = yaml.safe_load((folder / "fixed/no-large/score.json").read_text())
    assert float(pruned["ap_search"]) == score["ap"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            "detectors={linear: {backend: tiny}}",
            "config: detectors.linear.backend: unknown backend 'tiny'; known: ",
        ),
        (
            "experiments={taken: {deploy: true}}",
            "config: experiments.taken.deploy: `deploy` does not take detectors of backend 'linear'",
        ),
    ],
)
def test_what_a_backend_has_not_stops_before_any_job(ours, change, line):
    done = snakemake(ours, "--configfile", "mine.yaml", "--config", change, check=False)
    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1].startswith(f"anchorprune: error: {line}")
    assert not (ours / "results").exists()
