"""`anchorprune decide`: whether a pruned detector is worth a training, step by step (`retrain: auto`)."""

from pathlib import Path
from typing import Any

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import FilePath, output_option, print_json
from anchorprune.commands.recorded import recorded, recorded_file

no_loss_option = click.option(
    "--no-loss",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.005,
    show_default=True,
    help="AP: a change whose 95% interval lies above minus this is no measurable loss.",
)
evidence_option = click.option("--output", required=True, type=FilePath, help="Write the evidence, for `finish`.")
choice_option = click.option("--choice", type=FilePath, help="choice-BUDGET.json of the search that found LAYOUT.")


WEIGHED = (
    "{base}/predict/predictions.parquet {data}/prune.json {search}/layout-0.4.json --choice {search}/choice-0.4.json"
)
SLICE = "anchorprune decide slice " + WEIGHED + " --output {tried}/slice.json"
EVALUATED = (  # on the prune split: the slice, and what was trained of it against that
    "anchorprune evaluate {pruned}/slice {data}/prune.json {data}/images/prune --output {tried}/slice-on-prune",
    "anchorprune evaluate {pruned}/retrain-finetune {data}/prune.json {data}/images/prune "
    "--reference {tried}/slice-on-prune --output {tried}/trained-on-prune",
)


@click.group(epilog=example(SLICE))
def command() -> None:
    """Weigh a slice, and trainings of it, on the prune split; take over what comes out.

    First the slice of the detector as it was trained; where a loss cannot be ruled out, the slice of one that was
    fine-tuned once with anchor dropout, for all budgets; then a fine-tuning of the budget's own. A training counts only
    where it is measurably better than what there is without it.
    """


def weighed_options(function):
    """What steps `slice` and `once` weigh."""
    for option in (
        recorded_file,
        evidence_option,
        no_loss_option,
        choice_option,
        click.argument("layout", type=FilePath),
        click.argument("annotations", type=FilePath),
        click.argument("predictions", type=FilePath),
    ):
        function = option(function)
    return function


def _hand_over(evidence: dict[str, Any], output: Path) -> None:
    from anchorprune.files import write_json

    write_json(output, evidence)
    print_json(evidence)


@command.command(
    "slice",
    epilog=example(SLICE),
)
@weighed_options
def slice_(
    predictions: Path, annotations: Path, layout: Path, choice: Path | None, no_loss: float, output: Path
) -> None:
    """Does the slice of a detector as it was trained lose AP?

    PREDICTIONS and ANNOTATIONS are of the prune split and the detector that is cut, LAYOUT is the slice's. Without
    --choice the interval is a paired bootstrap's, which does not know of a selection.
    """
    from anchorprune.datasets.predicted import open_predicted
    from anchorprune.detectors.decision import weigh_slice

    _hand_over(weigh_slice(*open_predicted(predictions, annotations), layout, choice, no_loss).to_dict(), output)


@command.command(
    epilog=example(
        *EVALUATED,
        "anchorprune decide once " + WEIGHED + " --evaluation {tried}/trained-on-prune --output {tried}/once.json",
    )
)
@click.option(
    "--evaluation",
    required=True,
    type=FilePath,
    help="Folder of its slice's evaluation on the prune split, with that of step `slice` as --reference.",
)
@weighed_options
def once(
    predictions: Path,
    annotations: Path,
    layout: Path,
    choice: Path | None,
    evaluation: Path,
    no_loss: float,
    output: Path,
) -> None:
    """Is the slice of one that was fine-tuned with anchor dropout better, and does it lose no AP?

    Better than the slice of step `slice`, measurably; AP is compared with the detector that it is cut from, as there.
    """
    from anchorprune.datasets.predicted import open_predicted
    from anchorprune.detectors.decision import weigh_once

    given = open_predicted(predictions, annotations)
    _hand_over(weigh_once(*given, layout, choice, evaluation, no_loss).to_dict(), output)


@command.command(
    epilog=example(
        *EVALUATED,
        SLICE,
        "anchorprune decide skip {tried}/slice.json --step once --output {tried}/once.json",
        "anchorprune decide finetune {tried}/trained-on-prune {tried}/once.json --output {tried}/finetune.json",
    )
)
@click.argument("evaluation", type=FilePath)
@click.argument("evidence", type=FilePath)
@no_loss_option
@evidence_option
@recorded_file
def finetune(evaluation: Path, evidence: Path, no_loss: float, output: Path) -> None:
    """Is a budget's own fine-tuning measurably better than the best slice before it?

    EVALUATION is the folder of its evaluation on the prune split, with that slice's as --reference; the EVIDENCE of
    step `once` says which slice that is.
    """
    from anchorprune.detectors.decision import weigh_finetuning

    _hand_over(weigh_finetuning(evaluation, evidence, no_loss).to_dict(), output)


@command.command(
    epilog=example(SLICE, "anchorprune decide skip {tried}/slice.json --step once --output {tried}/once.json")
)
@click.argument("evidence", type=FilePath)
@click.option("--step", type=click.Choice(("once", "finetune")), required=True, help="The step that is not taken.")
@evidence_option
@recorded_file
def skip(evidence: Path, step: str, output: Path) -> None:
    """Hand on what the step before, with this EVIDENCE, has decided."""
    from anchorprune.detectors.decided import skipped

    _hand_over(skipped(step, evidence), output)


@command.command(
    epilog=example(
        SLICE,
        "anchorprune decide finish {pruned}/slice {search}/layout-0.4.json {tried}/slice.json "
        "--choice {search}/choice-0.4.json --output {tried}/retrain-auto",
    )
)
@click.argument("detector", type=FilePath)
@click.argument("layout", type=FilePath)
@click.argument("evidence", type=FilePath, nargs=-1, required=True)
@choice_option
@output_option
@recorded
def finish(detector: Path, layout: Path, evidence: tuple[Path, ...], choice: Path | None, output: Path) -> None:
    """Take over DETECTOR, a folder with this LAYOUT, to which the steps' EVIDENCE came; write decision.json too."""
    from anchorprune.detectors import decided

    print_json(decided.finish(detector, layout, evidence, choice, output))
