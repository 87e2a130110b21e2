"""`anchorprune slice`: a physically smaller detector from a layout."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import detector_argument, output_option, print_json
from anchorprune.commands.recorded import recorded


@click.command(
    epilog=example(
        "anchorprune slice {base}/train {search}/layout-0.4.json --output {tried}/sliced",
    )
)
@detector_argument
@click.argument("layout", type=click.Path(path_type=Path))
@output_option
@recorded
def command(detector: tuple[Path, ...], layout: Path, output: Path):
    """Write the folder of a detector without the channels of the anchors that LAYOUT does not keep.

    DETECTOR is its folder, or mmdet's CONFIG and WEIGHTS.
    """
    from anchorprune.detectors.folder import record_trained, trained_of
    from anchorprune.detectors.registry import load
    from anchorprune.heads.cost import cost
    from anchorprune.heads.layout import Layout

    full = load(detector, device="cpu")
    chosen = Layout.load(layout, full.head)
    full.slice(chosen, output)
    record_trained(output, trained_of(full.source.parent))
    print_json(cost(chosen).to_dict())
