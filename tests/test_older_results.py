"""What versions until 0.2 wrote: folders without detector.json, configs that name our parts by their older place."""

import hashlib
import json
import subprocess
import sys

import pytest
from running.command import ROOT

pytest.importorskip("torch")

from mmengine.config import Config

from anchorprune.detectors.mmdet.config import compose
from anchorprune.detectors.mmdet.training.train import _identity

DEMO = ROOT / "config/detectors/ssd_demo.py"


@pytest.fixture
def older(tmp_path):
    """The demo's config as version 0.2 wrote it."""
    file = tmp_path / "config.py"
    file.write_text(DEMO.read_text().replace(compose.OURS, "anchorprune.detectors"))
    assert "anchorprune.detectors.mmdet" not in file.read_text()
    return file


def test_its_trainings_are_known(older, tmp_path):
    """Their identity is the hash of the whole config's text, whose line breaks depend on the names in it."""
    (tmp_path / "train.json").write_text("{}")
    hashes = []
    for file in (DEMO, older):
        cfg = compose.read_config(file)
        compose.set_classes(cfg, ["a", "b"])
        compose.set_training_data(cfg, tmp_path / "train.json", tmp_path)
        hashes.append(_identity(cfg, 0, 1, None, 1)["config"])
    cfg.custom_imports.imports = ["anchorprune.detectors"]
    assert hashes == 2 * [hashlib.sha256(cfg.pretty_text.encode()).hexdigest()]


def test_mmdets_own_tools_find_our_parts(older):
    program = (
        "import sys\n"
        "from mmengine.config import Config\n"
        "Config.fromfile(sys.argv[1])\n"
        "from mmdet.registry import MODELS\n"
        "assert MODELS.get('PrunableSSDHead') is not None\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, older], check=True, cwd=ROOT, capture_output=True)


def test_a_folder_without_a_record_is_mmdets(trained, run_command, tmp_path):
    """Its slices are those of the same folder with its record."""
    folder = tmp_path / "trained"
    folder.mkdir()
    for name in ("config.py", "weights.pth", "head.json"):
        (folder / name).write_bytes((trained.folder / name).read_bytes())
    text = (folder / "config.py").read_text()
    (folder / "config.py").write_text(Config.fromstring(text, ".py").pretty_text.replace(".mmdet.parts", ""))
    layout = tmp_path / "layout.json"
    layout.write_text('{"version": 1, "head": "small", "kept": [0, 2, 6, 7]}')
    for source, output in ((folder, "older"), (trained.folder, "newer")):
        done = run_command("slice", source, layout, "--output", tmp_path / output)
        assert done.status == 0, done.err
    for name in ("weights.pth", "head.json", "config.py"):
        assert (tmp_path / "older" / name).read_bytes() == (tmp_path / "newer" / name).read_bytes()
    older, newer = (json.loads((tmp_path / name / "detector.json").read_text()) for name in ("older", "newer"))
    assert newer.pop("trained")  # how it was trained was not written down then
    assert older == newer
