"""Whether to train a pruned detector, and how: the steps of `retrain: auto`, decided on the prune split."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchorprune.datasets.annotations import Annotations
from anchorprune.detectors.folder import NAME
from anchorprune.errors import UserError
from anchorprune.files import read_json, whole_file, write_json
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Predictions
from anchorprune.provenance import results_in
from anchorprune.report.data.ap_changes import ApChange
from anchorprune.report.data.search_results import selected
from anchorprune.scoring import Bootstrap, Scorer

VERSION = 1
DECISION, LAYOUT = "decision.json", "layout.json"
# Step -> how a detector is finished where its slice shows no loss; else the next step is taken.
WITHOUT_LOSS = {"slice": "none", "once": "once"}
_FINETUNE = "finetune"
_NOT_TAKEN = "not taken"
_LOOKED_AT = {**{finish: step for step, finish in WITHOUT_LOSS.items()}, _FINETUNE: "slice"}


@dataclass(frozen=True)
class Evidence:
    """What one step found.

    Attributes:
        step: `slice`, `once` or `finetune`.
        ap: on the prune split: of the slice, corrected for the search's optimism where the search says to what; of step
            `finetune` that of the budget's own fine-tuning.
        reference: AP of the unpruned detector that is sliced; of step `finetune` that of the slice of step `once`.
        change: `ap` less `reference`, with its 95 % interval.
        no_loss: AP; a loss that is surely smaller counts as none.
        finish: `none`, `once` or `finetune`; None: the next step decides.
        verdict: what the interval says, in words.
    """

    step: str
    ap: float
    reference: float
    change: ApChange
    no_loss: float
    finish: str | None
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        change = {"ap_change": self.change.ap, "low": self.change.low, "high": self.change.high}
        facts = {"step": self.step, "ap": self.ap, "ap_reference": self.reference, **change, "no_loss": self.no_loss}
        return {"version": VERSION, **facts, "verdict": self.verdict, "finish": self.finish}


def weigh_slice(
    step: str, predictions: Predictions, truth: Annotations, layout: Path, choice: Path | None, no_loss: float
) -> Evidence:
    """Whether a slice loses AP against the detector that it is cut from.

    Args:
        step: a key of WITHOUT_LOSS.
        predictions: of that detector on the prune split.
        truth: the annotations of that split.
        layout: file of the slice's layout.
        choice: what the search says of it, its change corrected for optimism with an interval that contains the
            selection; None, or without an interval: a paired bootstrap over the images, as if nothing had been picked.
        no_loss: AP.
    """
    chosen = Layout.load(layout, predictions.head)
    found = selected({"choice": str(choice)}, 0) if choice else {}
    if found.get("change_low") is not None:
        ap, change = found["ap_corrected"], ApChange(*(found[name] for name in ("change", "change_low", "change_high")))
        reference = ap - change.ap
    else:
        scorer, full = Scorer(predictions, truth, threads=1), range(predictions.head.num_anchors)
        difference = Bootstrap(scorer).difference(chosen.kept, full)
        change = ApChange(difference.ap, difference.low, difference.high)
        ap, reference = scorer.ap(chosen.kept), scorer.ap(full)
    finish = WITHOUT_LOSS[step] if change.low > -no_loss else None
    return Evidence(step, ap, reference, change, no_loss, finish, change.verdict(no_loss, reference))


def weigh_finetuning(evaluation: Path, no_loss: float) -> Evidence:
    """Whether a budget's own fine-tuning is measurably better than the slice of step `once`.

    Args:
        evaluation: folder of its evaluation on the prune split, against that of the slice.
        no_loss: AP; for the record.

    Raises:
        UserError: it states no change.
    """
    metrics = read_json(evaluation / "metrics.json", "evaluation")
    stated = metrics.get("change")
    if stated is None:
        raise UserError(f"{evaluation}: states no change; evaluate with --reference, the slice's evaluation")
    figures = stated["figures"].get("ap", dict.fromkeys(("change", "low", "high"), 0.0))  # neither found anything
    change = ApChange(figures["change"], figures["low"], figures["high"])
    better = change.low > 0
    verdict = "measurably better than once" if better else "not measurably better than once"
    finish = _FINETUNE if better else WITHOUT_LOSS["once"]
    return Evidence(_FINETUNE, metrics["ap"], stated["ap_reference"], change, no_loss, finish, verdict)


def skipped(step: str, earlier: Path) -> dict[str, Any]:
    """What stands for the evidence of a step that is not taken, since an earlier one has decided.

    Raises:
        UserError: it has not.
    """
    return {"version": VERSION, "step": step, "verdict": _NOT_TAKEN, "finish": _decided(_read(earlier), earlier)}


def finish(detector: Path, layout: Path, evidence: Sequence[Path], choice: Path | None, output: Path) -> dict[str, Any]:
    """Take over the detector that the steps came to: its files, its layout, and `decision.json`.

    The last is what the search says of the layout (`choice`), with `finish`, `steps` (the evidence of those taken) and
    `ap`, on the prune split before any training of the budget's own.

    Args:
        detector: its folder.
        layout: file of its layout.
        evidence: files of the steps, in order, those not taken included or not.
        choice: file of the search's words on the layout, where it found it.
        output: folder; what an earlier decision left there goes.

    Returns:
        What `decision.json` holds.

    Raises:
        UserError: the steps came to nothing.
    """
    steps = [_read(file) for file in evidence]
    way = _decided(steps[-1], evidence[-1])
    steps = [step for step in steps if step["verdict"] != _NOT_TAKEN]
    ap = next(step["ap"] for step in steps if step["step"] == _LOOKED_AT[way])
    said = selected({"choice": str(choice)}, 0) if choice else {}
    files = sorted(results_in(detector), key=lambda file: file.name == NAME)  # where it is, the folder is whole
    with suppress(OSError):  # where nothing can be written, the first file says so
        (output / NAME).unlink()
    output.mkdir(parents=True, exist_ok=True)
    for stale in {file.name for file in results_in(output)} - {file.name for file in files}:
        (output / stale).unlink()
    decision = {"ap": ap, **said, "version": VERSION, "finish": way, "steps": steps}
    write_json(output / DECISION, decision)
    for source, name in [(layout, LAYOUT), *((file, file.name) for file in files)]:
        with whole_file(output / name) as partial:
            shutil.copyfile(source, partial)
    return decision


def _read(file: Path) -> dict[str, Any]:
    """A step's evidence."""
    found = read_json(file, "evidence")
    if not isinstance(found, dict) or found.get("version") != VERSION or not found.keys() >= {"step", "finish"}:
        raise UserError(f"{file}: no evidence of version {VERSION}; write it with `anchorprune decide`")
    return found


def _decided(step: dict[str, Any], file: Path) -> str:
    """How a step has decided."""
    way = step["finish"]
    if way is None:
        raise UserError(f"{file}: decides nothing; give the next step's evidence")
    return way
