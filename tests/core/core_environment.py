"""A virtual environment with the core alone, and a folder of files that its commands read."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import PIL.Image
from oracles.generate import HEAD, make, write

from anchorprune.datasets.coco_writer import write_coco
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Postprocess

ROOT = Path(__file__).parents[2]
SOURCES = ("anchorprune", "pyproject.toml", "README.md", "LICENSE")
AP_FIGURES = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


@dataclass(frozen=True)
class Core:
    """The environment, and a folder with files that its commands read."""

    python: Path
    files: Path

    def run(self, *arguments, status=0):
        """Run a program in the folder; returns the finished process."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        done = subprocess.run(
            list(map(str, arguments)), cwd=self.files, env=outside, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def command(self, *arguments, status=0):
        """Run `anchorprune ARGUMENTS`; returns the JSON that it printed."""
        done = self.run(self.python.parent / "anchorprune", *arguments, status=status)
        return json.loads(done.stdout)

    def error(self, *arguments):
        """Run `anchorprune ARGUMENTS`, which fails; returns the only line that it says."""
        done = self.run(self.python.parent / "anchorprune", *arguments, status=2)
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr.strip()


def make_core(folder):
    """Install the project into a new environment below a folder; packages are those of requirements.lock."""
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:  # pip builds in its source's folder, so not in the project's
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    made = Core(folder / "venv/bin/python", folder / "files")
    _write_files(made.files)
    made.run(made.python, "-m", "pip", "install", "--quiet", "-c", ROOT / "requirements.lock", source)
    prune = ("--prune", "truth.json", "images", "--test-fraction", 0.5)
    made.command("dataset", "coco", *prune, "--output", "coco")
    return made


def _write_files(folder):
    """Predictions, their annotations, photos, and what an mmdet detector would be without mmdet to read it."""
    (folder / "images").mkdir(parents=True)
    truth, candidates = make(3, images=24, objects=6, boxes=80)
    write(folder / "predictions.parquet", candidates, Postprocess(0.05, 0.5, None, 100, 0, False))
    write_coco(truth, folder / "truth.json")
    for image in truth.images:
        PIL.Image.new("RGB", (image.width, image.height), "white").save(folder / "images" / image.file_name)
    HEAD.save(folder / "head.json")
    Layout.keep(HEAD, [0, 2, 3]).save(folder / "layout.json")
    (folder / "train").mkdir()
    for place in (folder, folder / "train"):
        (place / "config.py").write_text("model = dict(type='SingleStageDetector')\n")
        (place / "weights.pth").write_bytes(b"no tensors")
    for name, ap in (("full", 0.4), ("sliced", 0.35), ("retrained", 0.41)):
        cost = {"anchors": 5, "macs": 465, "boxes": 176}
        metrics = {**dict.fromkeys(AP_FIGURES, ap), "images": 24, "cost": cost}
        metrics["per_class"] = {"1": ap, "4": 0.3, "9": -1}
        (folder / name).mkdir()
        (folder / name / "metrics.json").write_text(json.dumps(metrics))
        (folder / name / "detections.json").write_text("[]")
