"""The pipeline on the smallest detector of mmdet: killed in its training, and run again."""

import pandas as pd
import pytest
from oracles.figure_files import check_figure
from running.pipeline import killed, snakemake

from anchorprune.report.data.results import COLUMNS


@pytest.mark.detectors
@pytest.mark.long
def test_end_to_end_with_a_kill_in_the_training(project):
    trained, data = (
        project / f"results/{name}" for name in ("few-scenes/ssd-few/plain/seed-0/train", "data/few-scenes")
    )
    killed(project, trained / "checkpoints/iter_*.pth")
    dataset = (data / "dataset.json").stat().st_mtime_ns
    snakemake(project, "--configfile", "mine.yaml")
    assert "resumes from its last checkpoint" in (trained / "train.log").read_text()
    assert (data / "dataset.json").stat().st_mtime_ns == dataset

    report = project / "results/report"
    table = pd.read_csv(report / "results.csv", keep_default_na=False)
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    assert list(table["budget"]) == [1, 0.5]
    full = table.iloc[0]
    assert full["ap"] > 0.05
    for _, row in table.iloc[1:].iterrows():
        assert row["macs"] <= row["budget"] * full["macs"]
        assert row["saved_macs"] == pytest.approx(1 - row["macs"] / full["macs"])
        assert row["anchors"] == len(row["kept"].split()) < full["anchors"]
    for name in ("pareto-smallest", "layouts-smallest"):
        print(name, check_figure(report, name))
    for kind in ("md", "tex"):
        assert "unpruned" in (report / f"results.{kind}").read_text()
