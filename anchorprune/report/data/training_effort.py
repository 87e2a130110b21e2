"""What was trained to get a detector, and to get those of all budgets: epochs, iterations, CPU minutes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from anchorprune.files import read_json
from anchorprune.report.data.ap_changes import NONE
from anchorprune.report.data.decisions import read_decision
from anchorprune.report.data.manifest import Entry, is_retrained
from anchorprune.report.data.metrics import measured
from anchorprune.report.data.resampled_aps import evaluations

TRAIN, DETECTOR, BENCHMARK = "train", "detector.json", "benchmark.tsv"  # names that the pipeline gives
Stages = list[dict[str, Any]] | None  # `trained` of a metrics file
FIRST, SHARED, OWN = "first", "shared", "own"  # what the search's detector began with; for all budgets; for one


@dataclass(frozen=True)
class Training:
    """A training.

    Attributes:
        key: the same for all detectors that it is for; budgets that come to one layout train once.
        role: FIRST, SHARED or OWN.
        folder: where it ran.
        from_scratch: whether it began without weights.
        epochs: passes over the training split, NaN where it is not known; 0 where iterations were counted.
        iterations: of a training that stopped after so many; else 0.
        minutes: CPU minutes it took, as the pipeline measured; NaN where it did not.
    """

    key: tuple[Any, ...]
    role: str
    folder: Path
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


@dataclass(frozen=True)
class Needed:
    """The trainings that an entry's detector took, in order.

    Attributes:
        history: those that its weights have been through.
        every: with the one that its search looked at, and those that were made to decide.
    """

    history: list[Training]
    every: list[Training]


def trainings(entry: Entry, kept: str = "") -> Needed:
    """The trainings of an entry of the manifest, whose layout `kept` is, as the results table has it.

    Paths say where each ran: what a search looks at is TRAINED/train, or TRAINED/retrain-WAY that began from it.
    """
    files, found = entry["files"], measured(entry)
    finished, reference = evaluations(entry)
    base = _base(Path(files["unpruned"]).parents[1], found.unpruned.get("trained")) if "unpruned" in files else []
    if "decision" in files:
        return _decided(entry, base)
    own = []
    if is_retrained(entry):
        key = (entry["seed"], entry["anchor_set"], kept) if entry["method"] else ()
        metrics, trained = (finished, found.finished) if entry["method"] else (reference, found.reference)
        own = [_last(metrics.parents[1], trained.get("trained"), OWN, key)]
    every = base + own
    began = max((i for i, training in enumerate(every) if training.from_scratch), default=0)
    return Needed(every[began:], every)


def _base(folder: Path, trained: Stages) -> list[Training]:
    """The trainings of the detector that a search looked at."""
    if trained is not None and len(trained) > 1:
        return [*_base(folder.with_name(TRAIN), trained[:-1]), _last(folder, trained, SHARED)]
    return [] if trained == [] else [_last(folder, trained, FIRST if folder.name == TRAIN else SHARED)]


def _decided(entry: Entry, base: list[Training]) -> Needed:
    """Of `retrain: auto`: its decision says which trainings were made, and which one the detector has been through."""
    files = entry["files"]
    decision = read_decision(files["decision"])
    places = {
        "once": (Path(files["unpruned"]).parents[2] / "retrain-once", SHARED),
        "finetune": (Path(files["decision"]).parents[1] / "retrain-finetune", OWN),
    }
    made = {
        name: _last(folder, _trained_of(folder), role)
        for name, (folder, role) in places.items()
        if any(step["step"] == name for step in decision["steps"])
    }
    return Needed(base + [made[name] for name in made if name == decision["finish"]], base + list(made.values()))


def _trained_of(folder: Path) -> Stages:
    file = folder / DETECTOR
    return read_json(file, "record of a detector").get("trained") if file.is_file() else None


def _last(folder: Path, trained: Stages, role: str, key: tuple[Any, ...] = ()) -> Training:
    """The training that ran in a folder, the last of those that its detector has been through."""
    stage = trained[-1] if trained else {"start": "", "epochs": None, "iterations": None}
    counted = stage["iterations"] is not None
    return Training(
        key or (str(folder),),
        role,
        folder,
        stage["start"] == "scratch",
        0 if counted else NONE if stage["epochs"] is None else stage["epochs"],
        stage["iterations"] if counted else 0,
        cpu_minutes(folder),
    )


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


def files_of_trainings(entry: Entry) -> list[Path]:
    """What is read of an entry's trainings, beside the manifest's own files."""
    folders = [training.folder for training in trainings(entry).every]
    return [folder / name for folder in folders for name in (BENCHMARK, DETECTOR)]
