"""Milliseconds against MACs as a search's cost: `python -m bench.fronts PREDICTIONS ANNOTATIONS TABLE --output FOLDER`.

Both fronts over the same subsets' AP, drawn against the milliseconds of the latency table.
"""

import argparse
import csv
from pathlib import Path

from matplotlib.figure import Figure

from anchorprune.datasets.coco import read_coco
from anchorprune.heads.latency_table import LatencyTable
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Predictions
from anchorprune.report.figures.style import COLORS, style, write_figure
from anchorprune.scoring import Scorer
from anchorprune.search.front import hypervolume
from anchorprune.search.run import Options, search


def rows_of(scorer: Scorer, table: LatencyTable, method: str, most: int | None) -> list[dict[str, object]]:
    """The members of both fronts: AP, milliseconds, MACs, boxes; and the area under each front in milliseconds."""
    rows = []
    for priced in ("latency", "macs"):
        result = search(scorer, Options(method, priced, max_subsets=most, latency_table=table))
        for member in result.front:
            layout = Layout(scorer.head, member.kept)
            figures = {"ap": member.ap, "latency": table.predict(layout), "macs": member.cost.macs}
            rows.append(
                {"cost": priced, **figures, "boxes": member.cost.boxes, "kept": " ".join(map(str, member.kept))}
            )
    return rows


def area(rows: list[dict[str, object]], priced: str) -> float:
    """AP over milliseconds under a front, as a share of the full layout's time and the best AP of both fronts."""

    class Point:
        """What `hypervolume` looks at."""

        def __init__(self, row: dict[str, object]):
            self.ap, self.price, self.kept = row["ap"], row["latency"], (0,)

    most = max(row["latency"] for row in rows)
    return hypervolume([Point(row) for row in rows if row["cost"] == priced], most, max(row["ap"] for row in rows))


def plot(rows: list[dict[str, object]], table: LatencyTable, folder: Path) -> None:
    """Write `fronts`: AP against milliseconds, a line for each cost."""
    with style():
        figure = Figure(figsize=(5.2, 3.6), layout="constrained")
        axes = figure.subplots()
        for color, priced in zip(COLORS, ("latency", "macs"), strict=False):
            mine = sorted((row["latency"], row["ap"]) for row in rows if row["cost"] == priced)
            axes.plot(*zip(*mine, strict=True), color=color, marker=".", linewidth=1, label=f"search --cost {priced}")
        axes.set_xlabel(f"head + decoding + NMS, ms ({table.device})")
        axes.set_ylabel("AP (prune split)")
        axes.set_xlim(left=0)
        axes.legend()
        write_figure(figure, folder, "fronts")


def main() -> None:
    """Search twice, print, and write `fronts.csv` and `fronts.svg`, pdf and png."""
    parser = argparse.ArgumentParser(prog="python -m bench.fronts", description=__doc__)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("annotations", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--method", default="best")
    parser.add_argument("--most", type=int, help="subsets scored")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    scorer = Scorer(Predictions.open(given.predictions), read_coco(given.annotations))
    table = LatencyTable.load(given.table, scorer.head)
    rows = rows_of(scorer, table, given.method, given.most)
    given.output.mkdir(parents=True, exist_ok=True)
    with (given.output / "fronts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, table, given.output)
    for priced in ("latency", "macs"):
        print(f"{priced:8} {sum(row['cost'] == priced for row in rows):4} members, area {area(rows, priced):.5f}")


if __name__ == "__main__":
    main()
