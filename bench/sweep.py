"""A sweep of many experiments: `python -m bench.sweep --output FOLDER --experiments 1000`.

Seconds and peak memory of the validation, of a dry run of the whole pipeline, and of the report from simulated
results: all of it, its last job alone, and one experiment's with its figures.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml

from anchorprune.heads.cost import cost
from anchorprune.heads.head import Head
from anchorprune.heads.layout import Layout
from anchorprune.report.data.metrics import AP_FIGURES
from bench import simulate

ROOT = Path(__file__).parents[1]
SNAKEMAKE = ("-m", "snakemake", "--cores", "2", "--configfile", "sweep.yaml")
MANIFEST = "results/report/manifest.json"
CLASSES, RESAMPLES, IMAGES = 80, 1000, 20
SPLITS = {name: {"image_count": 5000, "boxes_of_class": {}} for name in ("train", "prune", "test")}
VALIDATE = (
    "from pathlib import Path; from anchorprune.pipeline.experiments import plan;"
    "from anchorprune.pipeline.laid_over import SCHEMA, SHIPPED, read_laid_over;"
    "plan(read_laid_over([*SHIPPED, Path('sweep.yaml')]), SCHEMA)"
)


class Run(NamedTuple):
    """What a command took: seconds, of all its threads together too, GiB at most, and whether it succeeded."""

    seconds: float
    cpu: float
    peak: float
    succeeded: bool


def configuration(count: int) -> dict[str, Any]:
    """Experiments of the demo's detector: one search, two budgets, fine-tuned; two of each on a training."""
    shared = {"detector": "ssd-demo", "dataset": "scenes", "anchor_sets": ["baseline"], "searches": ["greedy"]}
    names = [f"e{i:05}" for i in range(count)]
    experiments = {
        name: {**shared, "seeds": [i // 2], "budgets": [0.7, 0.5 if i % 2 else 0.4], "retrain": "finetune"}
        for i, name in enumerate(names)
    }
    return {"run": names, "experiments": experiments}


def measured(what: str, folder: Path, *command: str) -> Run:
    """Run a command in a folder; print its seconds, peak memory and the machine's load."""
    begin = time.perf_counter()
    with (folder / "bench.log").open("a") as log:
        run = subprocess.Popen([sys.executable, *command], cwd=folder, stdout=log, stderr=log, env=_environment())
        _, status, used = os.wait4(run.pid, 0)
    cpu = used.ru_utime + used.ru_stime
    done = Run(time.perf_counter() - begin, cpu, used.ru_maxrss / 2**20, status == 0)
    ended = "" if done.succeeded else f"  FAILED, see {folder / 'bench.log'}"
    spent = f"{done.seconds:8.1f} s  cpu {done.cpu:7.1f} s  {done.peak:5.2f} GiB"
    print(f"{what:44} {spent}  load {os.getloadavg()[0]:.1f}{ended}", flush=True)
    return done


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def project(folder: Path, experiments: int) -> None:
    """Make the folder of a project with so many experiments."""
    folder.mkdir(parents=True)
    for name in ("Snakefile", "rules", "config", "profiles", "environment.yml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "sweep.yaml").write_text(yaml.safe_dump(configuration(experiments)))


def write_results(manifest: Path, ready: Mapping[str, Path] | None = None) -> int:
    """Write every file that a manifest names, with invented figures or linked to `ready`, by kind; returns how many."""
    folder, rng, head = manifest.parents[2], np.random.default_rng(0), simulate.ssd300()
    files = {name: key for row in json.loads(manifest.read_text()) for key, name in row["files"].items()}
    for name, key in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if ready and key in ready:
            path.symlink_to(ready[key])
        else:
            KINDS[key](path, head, rng)
    return len(files)


def _metrics(path: Path, head: Head, rng: np.random.Generator) -> None:
    ap = float(rng.uniform(0.2, 0.3))
    change = {"change": ap - 0.25, "low": ap - 0.26, "high": ap - 0.24}
    per_class = {f"class {i}": change for i in range(CLASSES)}
    stated = {"ap_reference": 0.25, "figures": {"ap": change}, "per_class": per_class}
    stated["resampled"] = rng.normal(ap - 0.25, 0.005, RESAMPLES).tolist()
    found = {**dict.fromkeys(AP_FIGURES, ap), "per_class": {f"class {i}": ap for i in range(CLASSES)}}
    path.write_text(json.dumps({**found, "change": stated, "provenance": {"commit": "simulated"}}))


def _subsets(head: Head) -> pd.DataFrame:
    """What a greedy search scores: at each step every anchor that is still there, taken away."""
    kept = [list(range(n))[:i] + list(range(n))[i + 1 :] for n in range(head.num_anchors, 1, -1) for i in range(n)]
    spent = [cost(Layout.keep(head, subset)) for subset in (range(head.num_anchors), *kept)]
    table = pd.DataFrame([(one.macs, one.boxes, one.anchors) for one in spent], columns=["macs", "boxes", "anchors"])
    table.insert(0, "kept", [" ".join(map(str, subset)) for subset in (range(head.num_anchors), *kept)])
    table.insert(1, "ap", 0.2 + 0.1 * table["anchors"] / head.num_anchors)
    return table


def _evaluated(path: Path, head: Head, rng: np.random.Generator) -> None:
    _subsets(head).drop_duplicates("kept").to_parquet(path)


def _front(path: Path, head: Head, rng: np.random.Generator) -> None:
    front = _subsets(head).drop_duplicates("anchors")
    front.assign(difference=-0.01, low=-0.02, high=0.0, ap_corrected=front["ap"] - 0.01).to_csv(path, index=False)


def _layout(path: Path, head: Head, rng: np.random.Generator) -> None:
    Layout.keep(head, map(int, _subsets(head)["kept"].iloc[100].split())).save(path)


def _annotations(path: Path, head: Head, rng: np.random.Generator) -> None:
    truth = simulate.annotations(IMAGES, real=False)
    images = [{"id": i.id, "file_name": i.file_name, "width": i.width, "height": i.height} for i in truth.images]
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": [{"id": 1, "name": "1"}]}))


def _json(value: Any) -> Callable[[Path, Head, np.random.Generator], None]:
    return lambda path, head, rng: path.write_text(json.dumps(value)) and None


KINDS: dict[str, Callable[[Path, Head, np.random.Generator], None]] = {
    **dict.fromkeys(("unpruned", "reference", "sliced", "metrics"), _metrics),
    "data": _json({"splits": SPLITS}),
    "head": lambda path, head, rng: head.save(path),
    "predictions": lambda path, head, rng: simulate.write_predictions(path, simulate.annotations(IMAGES, real=False)),
    **dict.fromkeys(("annotations", "test"), _annotations),
    **dict.fromkeys(("detections", "reference_detections"), _json([])),
    "test_images": lambda path, head, rng: path.touch(),
    "evaluated": _evaluated,
    "layout": _layout,
    "front": _front,
    "selection": _json({"version": 1, "warnings": [], "budgets": {}}),
    "choice": _json({"version": 1}),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="new folder for the project and its results")
    parser.add_argument("--experiments", type=int, default=1000)
    given = parser.parse_args()
    folder = given.output.absolute()
    project(folder, given.experiments)
    report = ("-m", "anchorprune", "report", MANIFEST, "--published", "config/published", "--output")
    measured("validation alone", folder, "-c", VALIDATE)
    measured("anchorprune plan", folder, "-m", "anchorprune", "plan", "--configfile", "sweep.yaml")
    measured("snakemake --dry-run", folder, *SNAKEMAKE, "--dry-run")
    measured("(its manifest)", folder, *SNAKEMAKE, "--allowed-rules", "manifest", "--", MANIFEST)
    print(f"{write_results(folder / MANIFEST)} files of results simulated", flush=True)
    measured("anchorprune report, tables and pages", folder, *report, "out")
    measured("anchorprune report --overall", folder, *report, "out", "--overall")
    measured("anchorprune report --experiment, with figures", folder, *report, "out", "--experiment", "e00000")
    written = sorted((folder / "out").iterdir(), key=lambda path: -path.stat().st_size)
    print(f"{len(written)} files, the largest {written[0].name}, {written[0].stat().st_size / 1e6:.1f} MB")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"most memory of any: {peak:.2f} GiB")


if __name__ == "__main__":
    main()
