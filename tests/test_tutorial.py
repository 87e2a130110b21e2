"""docs/tutorial.ipynb, run from its first cell to its last, as a reader does: in a project of its own."""

import shutil

import pytest
from running.command import ROOT
from running.pipeline import environment

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

pytestmark = [pytest.mark.detectors, pytest.mark.long]


def test_the_tutorial(tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    (tmp_path / "config").symlink_to(ROOT / "config")
    shutil.copy(ROOT / "docs/tutorial-predictions.parquet", docs)
    monkeypatch.setenv("PATH", environment()["PATH"])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(ROOT / "docs/tutorial.ipynb", as_version=4)
    places = {"metadata": {"path": str(docs)}}
    done = nbclient.NotebookClient(notebook, timeout=1500, resources=places, kernel_name="python3").execute()

    assert all(cell.execution_count for cell in done.cells if cell.cell_type == "code")
    shown = [output for output in done.cells[-1].outputs if "image/png" in output.get("data", {})]
    assert len(shown) == 1
    made = tmp_path / "results/tutorial"
    assert (made / "searched/layout-0.4.json").is_file()
    assert (made / "sliced-longer/detector.json").is_file()


def test_half_of_it_needs_no_torch():
    """Up to the second half, no command that loads a detector."""
    cells = nbformat.read(ROOT / "docs/tutorial.ipynb", as_version=4).cells
    (second,) = [i for i, cell in enumerate(cells) if cell.source.startswith("## Second half")]
    first = "\n".join(cell.source for cell in cells[:second] if cell.cell_type == "code")
    commands = {line.split()[1] for line in first.splitlines() if line.startswith("anchorprune ")}
    assert commands == {"dataset", "score", "compare", "search", "cost"}  # those that tests/core runs
    assert second > len(cells) / 2
