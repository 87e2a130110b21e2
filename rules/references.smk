"""What pruned detectors are compared with: the unpruned one that was trained as long; and how `retrain: auto` finishes
them, which decides on it. No rules here.
"""

from anchorprune.files import read_json
from anchorprune.pipeline.records import Experiment

STEPS = ("slice", "once", "finetune")  # of `auto`


class Names(dict):
    """Wildcards of another job."""

    __getattr__ = dict.__getitem__


def once(wildcards):
    """The wildcards of the same pruned detector, or control, cut out of the one that was fine-tuned for all budgets."""
    return Names(wildcards, search=str(search_folder(wildcards.search)._replace(way="once")))


def no_loss_of(wildcards):
    """What loss of AP counts as none where a pruned detector's training is decided on."""
    for e in PLAN.run:
        if e.retrain == AUTO and (e.dataset, e.detector) == (wildcards.dataset, wildcards.detector):
            if wildcards.anchor_set in e.anchor_sets:
                return e.no_loss
    return Experiment.no_loss


def finish_after(step, wildcards):
    """How `auto` finishes a pruned detector (`none`, `once`, `finetune`), as a step has decided; None: it has not.

    The step is a job of this run, where it has to be.
    """
    evidence = getattr(checkpoints, f"decide_{step}").get(**wildcards).output[0]
    try:
        return read_json(evidence)["finish"]
    except UserError as error:
        sys.exit(f"anchorprune: error: {error}")


def if_open_after(step, file):
    """A function of the wildcards: an input file where a step has decided nothing, else none."""
    return lambda w: [] if finish_after(step, w) else file(w)


def decided_for(wildcards):
    """The wildcards of the detector that `auto` takes over."""
    return once(wildcards) if finish_after(STEPS[-1], wildcards) == "once" else wildcards


def decided_folder(wildcards):
    """Where it lies, below its budget's folder."""
    return "retrain-finetune" if finish_after(STEPS[-1], wildcards) == "finetune" else "slice"


def reference_of(trained, detector, search, finished):
    """Folder of the unpruned detector that was trained as a pruned one was: same start, recipe and epochs.

    Args:
        trained: folder of the training that both come from.
        detector: name of the detector.
        search: of the pruned one, as paths have it.
        finished: `slice`, `retrain-finetune`, `retrain-scratch`, or `train` (a control, trained from scratch);
            `retrain-auto` before anything is decided.
    """
    if finished in ("slice", finished_in(AUTO)):
        return f"{trained}/{search_folder(search).base}"
    from_scratch = finished in ("retrain-scratch", "train")
    if from_scratch and "weights" not in PLAN.config["detectors"][detector]:
        return f"{trained}/train"
    return f"{trained}/retrain-{'scratch' if from_scratch else 'finetune'}"


def reference_evaluation(folder):
    """The evaluation that the AP change of the pruned detector in a folder is from; nothing for an unpruned one."""
    parts = folder.split("/")
    if len(parts) < 8:
        return []
    names, finished = Names(names_in(folder)), parts[-1]
    if finished == finished_in(AUTO):
        names, finished = decided_for(names), decided_folder(names)
    reference = reference_of(TRAINED.format(**names), names.detector, names.search, finished)
    return f"{reference}/evaluate/metrics.json"
