"""`anchorprune decide`: whether a pruned detector is worth a training, step by step (`retrain: auto`)."""

from pathlib import Path

import click

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


@click.group(
    epilog="Example: anchorprune decide slice predictions.parquet prune.json layout-0.5.json --output slice.json"
)
def command() -> None:
    """Weigh a slice, and trainings of it, on the prune split; take over what comes out.

    First the slice of the detector as it was trained; where a loss cannot be ruled out, the slice of one that was
    fine-tuned once with anchor dropout, for all budgets; then a fine-tuning of the budget's own.
    """


def _slice_command(step: str, summary: str) -> None:
    @command.command(
        step,
        help=f"{summary}\n\nPREDICTIONS and ANNOTATIONS are of the prune split and the detector that is cut, LAYOUT is "
        "the slice's. Without --choice the interval is a paired bootstrap's, which does not know of a selection.",
        epilog=f"Example: anchorprune decide {step} predictions.parquet prune.json layout-0.5.json "
        f"--choice choice-0.5.json --output {step}.json",
    )
    @click.argument("predictions", type=FilePath)
    @click.argument("annotations", type=FilePath)
    @click.argument("layout", type=FilePath)
    @choice_option
    @no_loss_option
    @evidence_option
    @recorded_file
    def weigh(
        predictions: Path, annotations: Path, layout: Path, choice: Path | None, no_loss: float, output: Path
    ) -> None:
        from anchorprune.datasets.predicted import open_predicted
        from anchorprune.detectors.decision import weigh_slice
        from anchorprune.files import write_json

        found = weigh_slice(step, *open_predicted(predictions, annotations), layout, choice, no_loss).to_dict()
        write_json(output, found)
        print_json(found)


_slice_command("slice", "Does the slice of a detector as it was trained lose AP?")
_slice_command("once", "Does the slice of a detector that was fine-tuned with anchor dropout lose AP?")


@command.command(epilog="Example: anchorprune decide finetune evaluate-prune/ --output finetune.json")
@click.argument("evaluation", type=FilePath)
@no_loss_option
@evidence_option
@recorded_file
def finetune(evaluation: Path, no_loss: float, output: Path) -> None:
    """Is a budget's own fine-tuning measurably better than the slice of step `once`?

    EVALUATION is the folder of its evaluation on the prune split, with the slice's as --reference.
    """
    from anchorprune.detectors.decision import weigh_finetuning
    from anchorprune.files import write_json

    found = weigh_finetuning(evaluation, no_loss).to_dict()
    write_json(output, found)
    print_json(found)


@command.command(epilog="Example: anchorprune decide skip slice.json --step once --output once.json")
@click.argument("evidence", type=FilePath)
@click.option("--step", type=click.Choice(("once", "finetune")), required=True, help="The step that is not taken.")
@evidence_option
@recorded_file
def skip(evidence: Path, step: str, output: Path) -> None:
    """Hand on what the step before, with this EVIDENCE, has decided."""
    from anchorprune.detectors.decision import skipped
    from anchorprune.files import write_json

    found = skipped(step, evidence)
    write_json(output, found)
    print_json(found)


@command.command(
    epilog="Example: anchorprune decide finish slice/ layout-0.5.json slice.json --choice choice-0.5.json "
    "--output retrain-auto/"
)
@click.argument("detector", type=FilePath)
@click.argument("layout", type=FilePath)
@click.argument("evidence", type=FilePath, nargs=-1, required=True)
@choice_option
@output_option
@recorded
def finish(detector: Path, layout: Path, evidence: tuple[Path, ...], choice: Path | None, output: Path) -> None:
    """Take over DETECTOR, a folder with this LAYOUT, to which the steps' EVIDENCE came; write decision.json too."""
    from anchorprune.detectors import decision

    print_json(decision.finish(detector, layout, evidence, choice, output))
