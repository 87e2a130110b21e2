"""Which method finds the better front: `python -m bench.search --output FOLDER [PREDICTIONS ANNOTATIONS]`.

Without files, on the simulated SSD300: the area under each method's front against subsets scored, as table and plot.
"""

import argparse
import csv
import tempfile
from pathlib import Path

from anchorprune.datasets.coco import read_coco
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Predictions
from anchorprune.scoring import Scorer
from anchorprune.search.front import hypervolume, preference
from anchorprune.search.methods import METHODS
from anchorprune.search.run import Options, Result, search
from bench import simulate

CHECKPOINTS = (10, 20, 50, 100, 200, 400, 600, 1000, 1500, 2000, 3000, 5000)


def run_methods(scorer: Scorer, most: int) -> dict[str, Result]:
    """Every method that suits the head, none scoring more than `most` subsets."""
    full, results = scorer.ap(range(scorer.head.num_anchors)), {}
    for method in METHODS:
        options = Options(method, max_subsets=most, max_per_level=1, min_ap=0.5 * full if method == "pareto" else 0.0)
        try:
            results[method] = search(scorer, options)
        except UserError as error:
            print(f"{method}: left out: {error}")
    return results


def shares(results: dict[str, Result]) -> list[dict[str, object]]:
    """Area under each method's front after so many subsets, as a share of price 0..full times the best AP known.

    `others together` is the front of all methods but `best` and `exhaustive`, the subsets shared equally among them.
    """
    top = min((s for result in results.values() for s in result.evaluated), key=preference).ap
    rows = []
    for method, result in results.items():
        for count in sorted({*(c for c in CHECKPOINTS if c < len(result.evaluated)), len(result.evaluated)}):
            share = hypervolume(result.evaluated[:count], result.full.price, top)
            rows.append({"method": method, "subsets": count, "hypervolume": share})
    others = [r.evaluated for m, r in results.items() if m not in ("best", "exhaustive")]
    for count in CHECKPOINTS:
        together = [s for evaluated in others for s in evaluated[: count // len(others)]]
        if together:
            share = hypervolume(together, results["best"].full.price, top)
            rows.append({"method": "others together", "subsets": count, "hypervolume": share})
    return rows


def plot(rows: list[dict[str, object]], path: Path) -> None:
    """Hypervolume against subsets scored, a line per method."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5))
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        axes.plot([r["subsets"] for r in mine], [r["hypervolume"] for r in mine], marker=".", label=method)
    axes.set(xscale="log", xlabel="subsets scored", ylabel="hypervolume (share of full price x best AP)")
    axes.legend()
    figure.savefig(path, bbox_inches="tight")


def main() -> None:
    """Run, print, and write `hypervolume.csv` and `hypervolume.svg`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--most", type=int, default=2000)
    given = parser.parse_args()
    if given.files:
        scorer = Scorer(Predictions.open(given.files[0]), read_coco(given.files[1]))
    else:
        truth = simulate.annotations(given.images)
        with tempfile.TemporaryDirectory() as folder:
            simulate.write_predictions(Path(folder) / "p.parquet", truth)
            scorer = Scorer(Predictions.open(Path(folder) / "p.parquet"), truth)
    rows = shares(run_methods(scorer, given.most))
    given.output.mkdir(parents=True, exist_ok=True)
    with (given.output / "hypervolume.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, given.output / "hypervolume.svg")
    for row in rows:
        print(f"{row['method']:16} {row['subsets']:6} {row['hypervolume']:.5f}")


if __name__ == "__main__":
    main()
