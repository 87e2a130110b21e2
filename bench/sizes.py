"""Memory and time of each stage at a real size, beside the memory that its rule asks for: `python -m bench.sizes`.

Each stage is a process of its own. The predictions are a simulated SSD300's of so many images, written to a file first.
`predict` and `evaluate` run with that simulated detector: torch and a network come on top (about 1 GiB for SSD300), and
`predict` also on a fourth of the images, to see that its memory does not grow with them.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from anchorprune.heads.detections import Detections
from anchorprune.pipeline import resources
from bench import simulate
from bench.sweep import MANIFEST, ROOT, SNAKEMAKE, Run, measured, project, write_results

SEARCH = ("--any-budget", "--threads", "2")
# Name, and the rule whose memory it has.
STAGES = {
    "predict": "predict",
    "predict, a fourth of the images": "predict",
    "evaluate": "evaluate",
    "evaluate against another": "evaluate",
    "scoring alone": "search",
    "score": "score",
    "search": "search",
    "choose": "choose",
    "decide": "decide_slice",
    "report": "report",
}


class SimulatedDetector:
    """Finds what `simulate` makes of the annotations; without NMS, the best 100 of an image are its detections."""

    source, head, postprocess = Path("simulated"), simulate.ssd300(), simulate.POSTPROCESS

    def __init__(self, annotations: Path, seed: int):
        from anchorprune.datasets.coco import read_coco

        self._truth, self._seed = read_coco(annotations), seed
        self.classes = self._truth.category_names

    def candidates(self, annotations: Path, images: Path) -> Iterator[object]:
        """As a detector's."""
        from anchorprune.detectors.protocols import ImageCandidates

        for image, category, anchor, score, boxes in simulate.detected(self._truth, self._seed):
            yield ImageCandidates(image.id, anchor, category, score, boxes)

    def detections(self, annotations: Path, images: Path) -> Iterator[tuple[int, Detections]]:
        """As a detector's."""
        for image, category, _, score, boxes in simulate.detected(self._truth, self._seed):
            best = np.argsort(-score, kind="stable")[:100]
            yield image.id, Detections(*(a[best].astype(float) for a in (boxes, score)), category[best], (300, 300))


def write_split(folder: Path, images: int) -> None:
    """Write `annotations.json` and `predictions.parquet`; memory does not grow with the images' candidates."""
    from bench.usual_way import coco_dict

    folder.mkdir(parents=True, exist_ok=True)
    truth = simulate.annotations(images)
    (folder / "annotations.json").write_text(json.dumps(coco_dict(truth)))
    simulate.write_predictions(folder / "predictions.parquet", truth)


def run_detector(stage: str, folder: Path, output: Path) -> None:
    """What `predict` and `evaluate` do, with the simulated detector; `evaluate` twice, by two seeds."""
    from anchorprune.detectors.evaluate import evaluate
    from anchorprune.detectors.predict import predict

    annotations = folder / "annotations.json"
    if stage.startswith("predict"):
        predict(SimulatedDetector(annotations, 0), annotations, folder, output, {})
    elif stage == "evaluate":
        evaluate(SimulatedDetector(annotations, 0), annotations, folder, output, {})
    else:
        evaluate(SimulatedDetector(annotations, 1), annotations, folder, output / "second", {}, output, 2)


def time_scoring(folder: Path) -> None:
    """Write `scoring.json`: milliseconds an image of preparing, of a full subset, of a child and of a bootstrap."""
    from anchorprune.datasets.coco import read_coco
    from anchorprune.heads.predictions import Predictions
    from anchorprune.scoring import Bootstrap, Scorer
    from bench.scoring import full_subsets, greedy_step_children, timed

    with tempfile.TemporaryDirectory() as small:  # compiles
        write_split(Path(small), 100)
        tiny = Scorer(Predictions.open(Path(small) / "predictions.parquet"), read_coco(f"{small}/annotations.json"))
        greedy_step_children(tiny, 1)
        Bootstrap(tiny, 2).difference(range(29), range(30))
    truth = read_coco(folder / "annotations.json")
    begin = time.perf_counter()
    scorer = Scorer(Predictions.open(folder / "predictions.parquet"), truth)
    seconds = {"preparing": time.perf_counter() - begin, "a full subset": np.median(full_subsets(scorer, 7))}
    seconds["a child"] = np.median(greedy_step_children(scorer, 1))
    pair = timed(lambda: Bootstrap(scorer, 1000).difference(range(29), range(30)), 1)
    seconds["bootstrap of a pair"] = pair[0]
    found = {what: round(1000 * float(value) / len(truth.images), 6) for what, value in seconds.items()}
    (folder / "scoring.json").write_text(json.dumps(found))


def asked(rule: str, folder: Path) -> int:
    """MB that a rule asks for at its first attempt, where the configuration says nothing."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "rules").glob("*.smk")))
    body = re.search(rf"^\s*(?:rule|checkpoint) {rule}:\n(.*?)(?=^\s*(?:rule|checkpoint) |\Z)", text, re.M | re.S)[1]
    if stated := re.search(r"mem_mb=each_attempt\((\d+)\)", body):
        return int(stated[1])
    if "mem_mb=memory_of_scoring" in body:
        files = sum((folder / name).stat().st_size for name in ("predictions.parquet", "annotations.json"))
        return resources.amount({}, "search", "mem_mb", files=files / 1e6)
    return resources.amount({}, re.search(r'"(\w+)", "mem_mb"', body)[1], "mem_mb")


def run_stage(stage: str, folder: Path, given: argparse.Namespace) -> Run:
    """One stage in a process of its own."""
    split = [str(folder / name) for name in ("predictions.parquet", "annotations.json")]
    found, cli = str(folder / "search"), ("-m", "anchorprune")
    if stage.startswith(("predict", "evaluate")):
        part = folder / "fourth" if "fourth" in stage else folder
        output = part / ("again.parquet" if stage.startswith("predict") else "evaluate")
        return measured(stage, folder, "-m", "bench.sizes", "--run", stage, "--output", str(part), str(output))
    if stage == "scoring alone":
        done = measured(stage, folder, "-m", "bench.sizes", "--run", "scoring", "--output", str(folder))
        if done.succeeded:
            print(f"  milliseconds an image: {(folder / 'scoring.json').read_text()}", flush=True)
        return done
    if stage == "report":
        project(folder / "report", 1)
        measured("(its manifest)", folder / "report", *SNAKEMAKE, "--allowed-rules", "manifest", "--", MANIFEST)
        ready = {"predictions": Path(split[0]), "annotations": Path(split[1]), "test": Path(split[1])}
        found = {"reference_detections": folder / "evaluate", "detections": folder / "evaluate/second"}
        ready |= {key: path / "detections.json" for key, path in found.items() if path.exists()}
        write_results(folder / "report" / MANIFEST, ready)
        command = (*cli, "report", MANIFEST, "--experiment", "e00000", "--output", "out")
        return measured(stage, folder / "report", *command)
    method = ("--method", given.method, "--folds", str(given.folds), "--resamples", str(given.resamples))
    commands = {
        "score": (*cli, "score", *split, "--drop", "0"),
        "search": (*cli, "search", *split, *method, *SEARCH, "--output", found),
        "choose": (*cli, "choose", found, *split, "--budget", "0.7", "--threads", "1"),
        "decide": (*cli, "decide", "slice", *split, f"{found}/layout-0.7.json", "--output", f"{found}/decide.json"),
    }
    return measured(stage, folder, *commands[stage])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizes", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("results/bench/sizes"), help="folder for all files")
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--method", default="greedy", help="of the search (%(default)s)")
    parser.add_argument("--folds", type=int, default=5, help="of the search (%(default)s)")
    parser.add_argument("--resamples", type=int, default=1000, help="of the search (%(default)s)")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run == "simulate":
        return write_split(given.output, given.images)
    if given.run == "scoring":
        return time_scoring(given.output)
    if given.run:
        return run_detector(given.run, given.output, *given.files)
    folder = given.output.absolute()
    for part, images in ((folder, given.images), (folder / "fourth", given.images // 4)):
        if not (part / "predictions.parquet").exists():
            part.mkdir(parents=True, exist_ok=True)
            simulation = ("--run", "simulate", "--output", str(part), "--images", str(images))
            measured(f"(simulating {images} images)", part, "-m", "bench.sizes", *simulation)
    runs = {stage: run_stage(stage, folder, given) for stage in given.stages}
    print(f"\n{given.images} images; a rule asks for MB at its first attempt\n{'stage':34} {'asked':>6} {'peak MB':>8}")
    for stage, run in runs.items():
        megabytes, limit = run.peak * 1024, asked(STAGES[stage], folder)
        note = "" if megabytes <= limit else "  MORE THAN ASKED"
        note += "" if run.succeeded else "  FAILED"
        print(f"{stage:34} {limit:6} {megabytes:8.0f}{note}")
    return sys.exit(not all(run.succeeded for run in runs.values()))


if __name__ == "__main__":
    main()
