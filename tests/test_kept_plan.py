"""The plan of a run, kept for its jobs: they read what the run was planned with, by Snakemake's own reader."""

import shutil
from collections import OrderedDict
from pathlib import Path

import pytest
from running.command import ROOT
from running.pipeline import shipped_config

from anchorprune.errors import UserError
from anchorprune.pipeline.kept_plan import check_code, code_of, is_kept, keep_plan, take_code

ODD = {"run": "1e-3", "a": OrderedDict({0.5: None, "on": True, 7: [1, 1e-3, (2, 3)], "yes": "no", "0x1f": "1:30"})}


@pytest.mark.parametrize("config", [shipped_config(), ODD], ids=["shipped", "odd"])
def test_a_job_reads_what_the_run_was_planned_with(config, tmp_path):
    load = pytest.importorskip("snakemake.common.configfile").load_configfile
    path = keep_plan(config, {"Snakefile": "0"}, tmp_path)
    assert path.is_absolute()
    assert is_kept([Path("mine.yaml"), path])
    assert not is_kept([Path("mine.yaml"), Path("config/datasets.yaml")])
    read = dict(load(path))
    assert take_code(read) == {"Snakefile": "0"}
    expected = ODD | {"a": {**ODD["a"], 7: [1, 1e-3, [2, 3]]}} if config is ODD else config
    assert read == expected


def test_earlier_plans_go(tmp_path):
    """Also where the next run is of the same plan: two jobs are not to do the same work at once."""
    first, second = (keep_plan({"run": ["a"]}, {}, tmp_path) for _ in range(2))
    assert not first.exists()
    assert second.exists()


@pytest.fixture
def code(tmp_path, monkeypatch):
    """A project's files, and what the plan says of them."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "Snakefile", ".")
    shutil.copytree(ROOT / "rules", "rules")
    Path("ssd.py").write_text("model = dict()\n")
    detectors = {"own": {"config": "ssd.py"}, "theirs": {"config": "mmdet::ssd/ssd300_coco.py"}}
    return code_of(tmp_path, detectors)


def test_nothing_changed(code, tmp_path):
    assert {str(tmp_path / name) for name in ("Snakefile", "rules/train.smk", "ssd.py")} < set(code)
    assert str(ROOT / "anchorprune/pipeline/kept_plan.py") in code
    check_code(code)


@pytest.mark.parametrize("name", ["Snakefile", "rules/common.smk", "ssd.py"])
@pytest.mark.parametrize("change", [lambda path: path.write_text("#\n"), Path.unlink], ids=["edited", "removed"])
def test_the_file_that_changed_is_named(code, name, change):
    change(Path(name))
    with pytest.raises(UserError, match=f"^{name}: changed while this run goes on; undo the change, or run snakemake"):
        check_code(code)
