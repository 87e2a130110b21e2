"""What was trained to get a detector, and to get those of all budgets: epochs, iterations, CPU minutes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.report.data.ap_changes import NONE
from anchorprune.report.data.manifest import Entry, is_retrained
from anchorprune.report.data.metrics import Metrics, measured
from anchorprune.report.data.resampled_aps import evaluations

BENCHMARK = "benchmark.tsv"
FIRST, SHARED, OWN = "first", "shared", "own"  # what the search's detector began with; for all budgets; for one


@dataclass(frozen=True)
class Training:
    """A training.

    Attributes:
        key: the same for all detectors that it is for; budgets that come to one layout train once.
        role: FIRST, SHARED or OWN.
        from_scratch: whether it began without weights.
        epochs: passes over the training split, NaN where it is not known; 0 where iterations were counted.
        iterations: of a training that stopped after so many; else 0.
        minutes: CPU minutes it took, as the pipeline measured; NaN where it did not.
    """

    key: tuple[Any, ...]
    role: str
    from_scratch: bool
    epochs: float
    iterations: float
    minutes: float


@dataclass(frozen=True)
class Effort:
    """What some trainings took together; NaN where one of them does not say."""

    epochs: float = NONE
    iterations: float = NONE
    minutes: float = NONE

    def __str__(self) -> str:
        """For tables: `12 epochs`, `9 epochs + 400 iterations`; `-` where it is not known."""
        parts = [f"{n:g} {unit}" for n, unit in ((self.epochs, "epochs"), (self.iterations, "iterations")) if n > 0]
        return " + ".join(parts) if parts and self.epochs == self.epochs else "-"


def trainings(entry: Entry, kept: str) -> list[Training]:
    """The trainings that an entry's detector needed, in order, with the one that its search looked at.

    Args:
        entry: of the manifest.
        kept: its layout, as the results table has it.
    """
    files, found = entry["files"], measured(entry)
    finished, reference = evaluations(entry)
    chain = []
    if "unpruned" in files:
        chain += _stages(Path(files["unpruned"]), found.unpruned, FIRST)
    own = bool(entry["method"]) and is_retrained(entry)
    if not own and reference is not None and str(reference) != files.get("unpruned"):
        chain += _stages(reference, found.reference, SHARED)[-1:]
    if own:
        last = _stages(finished, found.finished, OWN)[-1:]
        chain += [replace(one, key=(entry["seed"], entry["anchor_set"], kept)) for one in last]
    return chain


def _stages(metrics_file: Path, metrics: Metrics, role: str) -> list[Training]:
    """The trainings of an evaluation's detector; the minutes are the last one's, which ran in the detector's folder."""
    folder, stages = metrics_file.parents[1], metrics.get("trained")
    if stages is None:
        return [Training((str(folder),), role, False, NONE, 0, cpu_minutes(folder))]
    return [
        Training(
            (str(folder), number),
            role,
            stage["start"] == "scratch",
            0 if stage["iterations"] is not None else NONE if stage["epochs"] is None else stage["epochs"],
            stage["iterations"] or 0,
            cpu_minutes(folder) if number == len(stages) else NONE,
        )
        for number, stage in enumerate(stages, start=1)
    ]


def history(chain: list[Training]) -> list[Training]:
    """Of the trainings a detector needed, those that its weights have been through."""
    began = max((i for i, training in enumerate(chain) if training.from_scratch), default=0)
    return chain[began:]


def together(chains: Iterable[list[Training]]) -> dict[tuple[Any, ...], Training]:
    """Key -> training. Of those that were taken over, the minutes are the longest: the others copied its files."""
    found: dict[tuple[Any, ...], Training] = {}
    for training in (one for chain in chains for one in chain):
        known = found.get(training.key)
        if known is None or known.minutes != known.minutes or training.minutes > known.minutes:
            found[training.key] = training
    return found


def effort(keys: Iterable[tuple[Any, ...]], known: Mapping[tuple[Any, ...], Training], of: int = 1) -> Effort:
    """What trainings took together, each counted once, divided by `of` (seeds); nothing known of none."""
    chosen = [known[key] for key in dict.fromkeys(keys)]
    if not chosen:
        return Effort()
    return Effort(*(sum(getattr(one, name) for one in chosen) / of for name in ("epochs", "iterations", "minutes")))


def cpu_minutes(folder: Path) -> float:
    """CPU minutes of the job that made a folder, from Snakemake's benchmark.tsv; NaN where it was not measured."""
    file = folder / BENCHMARK
    if not file.is_file():
        return NONE
    table = pd.read_csv(file, sep="\t")
    seconds = pd.to_numeric(table["cpu_time"], errors="coerce") if "cpu_time" in table else pd.Series(dtype=float)
    return float(seconds.iloc[-1]) / 60 if len(seconds) else NONE


def files_of_minutes(entry: Entry) -> list[Path]:
    """Where the pipeline leaves how long the trainings of an entry's detectors took."""
    found = (entry["files"].get(name) for name in ("unpruned", "reference", "metrics"))
    return [Path(name).parents[1] / BENCHMARK for name in found if name is not None]
