"""What a plan comes to on disk: the folders of its trainings, predictions and pruned detectors, each once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anchorprune.pipeline.records import Experiment, Plan, Pruned
from anchorprune.pipeline.ways import SearchFolder, finished_in, way_of

# Kind -> the file that is there when such a folder is finished; `rules/common.smk` has the paths.
WITNESSES = {"train": "detector.json", "retrain": "detector.json", "predict": "predictions.parquet"}
WITNESSES |= {"slice": "detector.json", "take over": "detector.json"}
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
    """

    kind: str
    folder: Path
    experiment: str
    dataset: str
    detector: str

    def is_finished(self, results: Path) -> bool:
        """Whether the job has been done."""
        return (results / self.folder / WITNESSES[self.kind]).is_file()


def work_items(plan: Plan) -> list[WorkItem]:
    """The folders of the experiments that a plan picks, in their order; what several share stands once."""
    found: dict[Path, WorkItem] = {}
    for experiment in plan.run:
        for anchor_set in experiment.anchor_sets:
            for seed in experiment.seeds:
                base = Path(experiment.dataset, experiment.detector, anchor_set, f"seed-{seed}")
                pruned = list(plan.pruned(experiment, anchor_set))
                for kind, folder in _folders(plan, experiment, pruned):
                    names = (experiment.name, experiment.dataset, experiment.detector)
                    found.setdefault(base / folder, WorkItem(kind, base / folder, *names))
    return list(found.values())


def _folders(plan: Plan, experiment: Experiment, pruned: list[Pruned]) -> Iterator[tuple[str, str]]:
    """Kind and folder, below that of a training."""
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
        if (finished := finished_in(experiment.retrain)) != "slice":
            yield "retrain", f"{folder}/{finished}"
