"""What a plan comes to on disk: the folders of its trainings, predictions and pruned detectors, each once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anchorprune.pipeline.records import Experiment, Plan, Pruned
from anchorprune.pipeline.ways import AUTO, BASES, SearchFolder, finished_in, way_of

# Kind -> the file that is there when such a folder is finished; `rules/common.smk` has the paths.
WITNESSES = {"train": "detector.json", "retrain": "detector.json", "predict": "predictions.parquet"}
WITNESSES |= dict.fromkeys(("slice", "take over", "decide"), "detector.json")
TRAININGS = ("train", "retrain")


@dataclass(frozen=True)
class WorkItem:
    """A folder that a job fills.

    Attributes:
        kind: a key of WITNESSES; those of TRAININGS train a detector.
        folder: below the folder of all results.
        experiment: the first that asks for it.
        dataset: what it is of.
        detector: what it is of.
        unless: files below the same; where they are all there, nobody needs the folder any more (`retrain: auto`).
    """

    kind: str
    folder: Path
    experiment: str
    dataset: str
    detector: str
    unless: tuple[Path, ...] = ()

    def is_finished(self, results: Path) -> bool:
        """Whether the job has been done."""
        return (results / self.folder / WITNESSES[self.kind]).is_file()

    def is_ruled_out(self, results: Path) -> bool:
        """Whether it has been decided that the job is not to be done."""
        return bool(self.unless) and not self.is_finished(results) and all((results / f).is_file() for f in self.unless)


def work_items(plan: Plan) -> list[WorkItem]:
    """The folders of the experiments that a plan picks, in their order; what several share stands once.

    Those of `retrain: auto` are all that it may come to.
    """
    found: dict[Path, WorkItem] = {}
    for experiment in plan.run:
        for anchor_set in experiment.anchor_sets:
            for seed in experiment.seeds:
                base = Path(experiment.dataset, experiment.detector, anchor_set, f"seed-{seed}")
                pruned = list(plan.pruned(experiment, anchor_set))
                names = (experiment.name, experiment.dataset, experiment.detector)
                for kind, folder, *unless in _folders(plan, experiment, pruned):
                    item = WorkItem(kind, base / folder, *names, tuple(base / file for file in unless))
                    if not found.setdefault(item.folder, item).unless or item.unless:
                        continue
                    found[item.folder] = item  # one that is needed whatever is decided
    return list(found.values())


def _folders(plan: Plan, experiment: Experiment, pruned: list[Pruned]) -> Iterator[tuple[str, ...]]:
    """Kind and folder, below that of a training; and the files that rule it out, below the same."""
    given = "weights" in plan.config["detectors"][experiment.detector]
    yield ("take over" if given else "train"), "train"
    fitted = [one for one in pruned if one.control == "kmeans"]
    searched = SearchFolder("", way_of(experiment.retrain), "")
    if searched.way:
        yield "retrain", searched.base
    yield "predict", searched.predictions
    if experiment.retrain == "finetune":
        yield "retrain", "retrain-finetune"
    if given and (experiment.retrain == "scratch" or fitted):  # what pruned ones and k-means controls are held against
        yield "retrain", "retrain-scratch"
    for one in pruned:
        folder = f"{searched._replace(search=one.search, control=one.control)}/{one.budget}"
        if one in fitted:
            yield "train", f"{folder}/train"
            continue
        yield "slice", f"{folder}/slice"
        if experiment.retrain in ("scratch", "finetune"):
            yield "retrain", f"{folder}/{finished_in(experiment.retrain)}"
    if experiment.retrain == AUTO:
        yield from _decided([one for one in pruned if one not in fitted])


def _decided(pruned: list[Pruned]) -> Iterator[tuple[str, ...]]:
    """What `retrain: auto` may come to, and what it takes over in the end."""
    folders = [SearchFolder(one.search, "", one.control) for one in pruned]
    budgets = [f"{folder}/{one.budget}" for folder, one in zip(folders, pruned, strict=True)]
    ends = [f"{budget}/{finished_in(AUTO)}/{WITNESSES['decide']}" for budget in budgets]
    for way in BASES:  # both ways' detectors, all pruned ones' references
        yield "retrain", BASES[way], *ends
    yield "predict", SearchFolder("", "once", "").predictions, *ends
    for folder, one, budget, end in zip(folders, pruned, budgets, ends, strict=True):
        yield "slice", f"{folder._replace(way='once')}/{one.budget}/slice", end
        yield "retrain", f"{budget}/retrain-finetune", end
        yield "decide", f"{budget}/{finished_in(AUTO)}"
