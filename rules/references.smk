"""What pruned detectors are compared with: the unpruned one that was trained as long. No rules here."""


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
