"""How fast the engine is, and how fast the usual way: `python -m bench --output FOLDER`.

At three sizes, each in a process of its own: SSD300, SSD300 overanchorized, RetinaNet. Prints one table for each,
medians and quartiles, and writes it with all figures to `SIZE.json` in the folder.
"""

import argparse
import json
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from bench.at_size import line, measure
from bench.detectors import DETECTORS


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("results/bench"), help="folder for all files (%(default)s)")
    parser.add_argument("--sizes", nargs="+", choices=tuple(DETECTORS), default=tuple(DETECTORS))
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--slow-runs", type=int, default=1, help="runs of the usual ways (minutes each); 0: none")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a search is given up")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    for name in given.sizes:
        with get_context("spawn").Pool(1) as pool:  # peak memory is a process's
            rows = pool.apply(measure, (given, name))
        (given.output / f"{name}.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
        print("\n".join(line(row) for row in rows), flush=True)


if __name__ == "__main__":
    main()
