"""Whether to train a pruned detector, and how: the steps of `retrain: auto`, decided on the prune split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchorprune.datasets.annotations import Annotations
from anchorprune.detectors.decided import VERSION, read_evidence
from anchorprune.errors import UserError
from anchorprune.files import read_json
from anchorprune.heads.layout import Layout
from anchorprune.heads.predictions import Predictions
from anchorprune.report.data.ap_changes import ApChange
from anchorprune.report.data.search_results import selected
from anchorprune.scoring import Bootstrap, Scorer

_NONE, _ONCE, _FINETUNE = "none", "once", "finetune"


@dataclass(frozen=True)
class Evidence:
    """What one step found.

    Attributes:
        step: `slice`, `once` or `finetune`.
        ap: on the prune split: of the slice, corrected for the search's optimism where the search says to what; of step
            `finetune` that of the budget's own fine-tuning.
        reference: AP of the unpruned detector that is sliced; of step `finetune` that of the best slice before it.
        change: `ap` less `reference`, with its 95 % interval.
        no_loss: AP; a loss that is surely smaller counts as none.
        finish: `none`, `once` or `finetune`; None: the next step decides.
        best: how the best detector so far is finished: a training counts only if it is measurably better.
        verdict: what the intervals say, in words.
        gain: of step `once`, AP of its slice less that of step `slice`, both as they detect, with its 95 % interval.
    """

    step: str
    ap: float
    reference: float
    change: ApChange
    no_loss: float
    finish: str | None
    best: str
    verdict: str
    gain: ApChange | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        change = {"ap_change": self.change.ap, "low": self.change.low, "high": self.change.high}
        facts = {"step": self.step, "ap": self.ap, "ap_reference": self.reference, **change, "no_loss": self.no_loss}
        if self.gain is not None:
            facts["gain"] = {"ap_change": self.gain.ap, "low": self.gain.low, "high": self.gain.high}
        return {"version": VERSION, **facts, "verdict": self.verdict, "finish": self.finish, "best": self.best}


def weigh_slice(
    predictions: Predictions, truth: Annotations, layout: Path, choice: Path | None, no_loss: float
) -> Evidence:
    """Whether the slice of a detector as it was trained loses AP against it.

    Args:
        predictions: of that detector on the prune split.
        truth: the annotations of that split.
        layout: file of the slice's layout.
        choice: what the search says of it, its change corrected for optimism with an interval that contains the
            selection; None, or without an interval: a paired bootstrap over the images, as if nothing had been picked.
        no_loss: AP.
    """
    ap, change = _against_unpruned(predictions, truth, layout, choice)
    finish = _NONE if change.low > -no_loss else None
    verdict = change.verdict(no_loss, ap - change.ap)
    return Evidence("slice", ap, ap - change.ap, change, no_loss, finish, _NONE, verdict)


def weigh_once(
    predictions: Predictions,
    truth: Annotations,
    layout: Path,
    choice: Path | None,
    evaluation: Path,
    no_loss: float,
) -> Evidence:
    """Whether the slice of one that was fine-tuned with anchor dropout is better than the slice before, and loses none.

    Args:
        predictions: of the detector that was fine-tuned; with `layout`, `choice` and `no_loss` as `weigh_slice`.
        truth: the annotations of that split.
        layout: file of its slice's layout.
        choice: what the search says of it.
        evaluation: folder of its evaluation on the prune split, against that of the slice of step `slice`.
        no_loss: AP.

    Raises:
        UserError: the evaluation states no change.
    """
    ap, change = _against_unpruned(predictions, truth, layout, choice)
    _, _, gain = _stated(evaluation)
    better = gain.low > 0
    finish = _ONCE if better and change.low > -no_loss else None
    verdict = f"{_better(better, 'the slice before')}; {change.verdict(no_loss, ap - change.ap)}"
    return Evidence("once", ap, ap - change.ap, change, no_loss, finish, _ONCE if better else _NONE, verdict, gain)


def weigh_finetuning(evaluation: Path, earlier: Path, no_loss: float) -> Evidence:
    """Whether a budget's own fine-tuning is measurably better than the best slice before it.

    Args:
        evaluation: folder of its evaluation on the prune split, against that of the slice.
        earlier: evidence of step `once`, which says which slice that is.
        no_loss: AP; for the record.

    Raises:
        UserError: the evaluation states no change.
    """
    best = read_evidence(earlier)["best"]
    ap, reference, change = _stated(evaluation)
    better = change.low > 0
    finish = _FINETUNE if better else best
    words = _better(better, "anchor dropout's slice" if best == _ONCE else "the slice")
    return Evidence(_FINETUNE, ap, reference, change, no_loss, finish, finish, words)


def _against_unpruned(
    predictions: Predictions, truth: Annotations, layout: Path, choice: Path | None
) -> tuple[float, ApChange]:
    """AP of a slice, and its change from the detector that is cut; arguments as `weigh_slice`."""
    chosen = Layout.load(layout, predictions.head)
    found = selected({"choice": str(choice)}, 0) if choice else {}
    if found.get("change_low") is not None:
        return found["ap_corrected"], ApChange(*(found[name] for name in ("change", "change_low", "change_high")))
    scorer, full = Scorer(predictions, truth, threads=1), range(predictions.head.num_anchors)
    difference = Bootstrap(scorer).difference(chosen.kept, full)
    return scorer.ap(chosen.kept), ApChange(difference.ap, difference.low, difference.high)


def _stated(evaluation: Path) -> tuple[float, float, ApChange]:
    """AP, AP of the reference, and the change, that an evaluation states.

    Raises:
        UserError: it states none.
    """
    metrics = read_json(evaluation / "metrics.json", "evaluation")
    stated = metrics.get("change")
    if stated is None:
        raise UserError(f"{evaluation}: states no change; evaluate with --reference, the slice's evaluation")
    figures = stated["figures"].get("ap", dict.fromkeys(("change", "low", "high"), 0.0))  # neither found anything
    return metrics["ap"], stated["ap_reference"], ApChange(figures["change"], figures["low"], figures["high"])


def _better(better: bool, than: str) -> str:
    return f"{'' if better else 'not '}measurably better than {than}"
