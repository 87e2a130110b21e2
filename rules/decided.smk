"""How `retrain: auto` finishes a pruned detector, as the evidence of its steps says. No rules here."""

from anchorprune.files import read_json
from anchorprune.pipeline.records import Experiment

STEPS = ("slice", "once", "finetune")  # of `auto`
_PLACE = ("dataset", "detector", "anchor_set", "seed", "search", "budget")  # wildcards of a pruned detector


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
    return read_evidence(getattr(checkpoints, f"decide_{step}").get(**wildcards).output[0])["finish"]


def read_evidence(file):
    """What a step found."""
    try:
        return read_json(file)
    except UserError as error:
        sys.exit(f"anchorprune: error: {error}")


def if_open_after(step, file):
    """A function of the wildcards: an input file where a step has decided nothing, else none."""
    return lambda w: [] if finish_after(step, w) else file(w)


def to_be_beaten(wildcards):
    """The wildcards of the slice that a pruned detector must be better than on the prune split; none for the first."""
    if wildcards.finished == "slice":
        folder = search_folder(wildcards.search)
        return [Names(wildcards, search=str(folder._replace(way="")))] if folder.way else []
    evidence = checkpoints.decide_once.get(**{name: wildcards[name] for name in _PLACE}).output[0]
    return [once(wildcards) if read_evidence(evidence)["best"] == "once" else wildcards]


def decided_for(wildcards):
    """The wildcards of the detector that `auto` takes over."""
    return once(wildcards) if finish_after(STEPS[-1], wildcards) == "once" else wildcards


def decided_folder(wildcards):
    """Where it lies, below its budget's folder."""
    return "retrain-finetune" if finish_after(STEPS[-1], wildcards) == "finetune" else "slice"
