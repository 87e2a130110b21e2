"""What a run costs, before it starts: trainings, hours on GPUs as the configuration states them, disk."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anchorprune.pipeline.records import Experiment, Plan
from anchorprune.pipeline.resources import hours_of
from anchorprune.pipeline.work_items import TRAININGS, WITNESSES, WorkItem, work_items


@dataclass(frozen=True)
class Forecast:
    """What an experiment has still to do; what it shares with an earlier one counts there.

    Attributes:
        experiment: its name.
        trainings: detectors that it trains.
        finished: those of them that are there.
        hours: of one training, on `gpu`, as the configuration states; their mean; None: it does not state all.
        gpu: e.g. `8 x V100`; "" where none is named.
        gpu_hours: of all trainings to do, times the GPUs of each; None where they are not stated.
        disk: bytes of what is still to be written; None where nothing alike is there to go by.
    """

    experiment: str
    trainings: int
    finished: int
    hours: float | None
    gpu: str
    gpu_hours: float | None
    disk: int | None

    @property
    def left(self) -> int:
        """Trainings to do."""
        return self.trainings - self.finished

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        named = {name: value for name, value in asdict(self).items() if name != "disk"}
        return {**named, "disk_bytes": self.disk}


def together(found: Sequence[Forecast]) -> dict[str, Any]:
    """The sums over experiments, as JSON, and the experiments of which a figure is not known."""
    return {
        "trainings": sum(one.trainings for one in found),
        "finished": sum(one.finished for one in found),
        "gpu_hours": sum(one.gpu_hours or 0.0 for one in found),
        "gpu_hours_unknown": [one.experiment for one in found if one.gpu_hours is None],
        "disk_bytes": sum(one.disk or 0 for one in found),
        "disk_unknown": [one.experiment for one in found if one.disk is None],
    }


def forecasts(plan: Plan, results: Path) -> list[Forecast]:
    """A forecast for each experiment that a plan picks.

    Trainings count as many as there are layouts: budgets that come to one layout train once, which no one knows before
    the search. Those of `retrain: auto` are the most that it may come to, less what has been decided against. Disk is,
    for every folder that is still to be filled (a training's, its predictions, a slice), the mean size of those of its
    kind, detector and data set that are finished; checkpoints of trainings under way come on top.

    Args:
        plan: the configuration.
        results: folder of all results.
    """
    mine: dict[str, list[WorkItem]] = defaultdict(list)
    for item in work_items(plan):
        mine[item.experiment].append(item)
    sizes: dict[tuple[str, str, str], float | None] = {}
    return [_forecast(plan, experiment, mine[experiment.name], results, sizes) for experiment in plan.run]


def _forecast(plan: Plan, experiment: Experiment, items: list[WorkItem], results: Path, sizes: dict) -> Forecast:
    items = [item for item in items if not item.is_ruled_out(results)]
    to_do = [item for item in items if not item.is_finished(results)]
    trained = [item for item in items if item.kind in TRAININGS]
    for item in to_do:
        key = item.kind, item.dataset, item.detector
        if key not in sizes:
            sizes[key] = _mean_size(item, results)
    stated, undone = [_hours(plan, experiment, item) for item in trained], set(to_do)
    known = [one for one in stated if one is not None]
    hours = [hours for hours, _, _ in known]
    left = [one for one, item in zip(stated, trained, strict=True) if item in undone]
    expected = [sizes[item.kind, item.dataset, item.detector] for item in to_do]
    return Forecast(
        experiment=experiment.name,
        trainings=len(trained),
        finished=len(trained) - len(left),
        hours=round(sum(hours) / len(hours), 2) if hours and len(hours) == len(trained) else None,
        gpu=", ".join(dict.fromkeys(gpu for _, _, gpu in known)),
        gpu_hours=None if None in left else float(sum(hours * count for hours, count, _ in left)),
        disk=None if None in expected else round(sum(expected)),
    )


def _hours(plan: Plan, experiment: Experiment, item: WorkItem) -> tuple[float, int, str] | None:
    """Hours of a training, how many GPUs they are of, and both in words; None where they are not stated.

    An experiment's `expected` may state hours of its own, for all its trainings.
    """
    gpu = experiment.expected.get("gpu", "")
    if (hours := experiment.expected.get("hours")) is not None:
        count = re.match(r"(\d+) *x ", gpu)
        return hours, int(count.group(1)) if count else 1, gpu
    mode = item.folder.name.partition("retrain-")[2] or "scratch"
    stated = hours_of(plan.config["detectors"][item.detector], mode)
    return stated and (*stated[:2], f"{stated[1]} x {stated[2]}" if stated[2] else "")


def _mean_size(item: WorkItem, results: Path) -> float | None:
    """Mean bytes of the finished folders of an item's kind, detector and data set; None where there are none."""
    names = {"train": "train", "take over": "train", "predict": "predict", "slice": "slice"}
    names |= {"retrain": "retrain-[!a]*", "decide": "retrain-auto"}
    place = results / item.dataset / item.detector
    patterns = (f"*/seed-*/{below}{names[item.kind]}" for below in ("", "retrain-*/", "*/*/"))
    folders = [folder for pattern in patterns for folder in place.glob(pattern)]
    found = [_size(folder.rglob("*")) for folder in folders if (folder / WITNESSES[item.kind]).is_file()]
    return sum(found) / len(found) if found else None


def _size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
