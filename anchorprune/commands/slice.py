"""`anchorprune slice`: a physically smaller detector from a layout."""

from pathlib import Path

import click

from anchorprune.commands.options import output_option, print_json


@click.command(epilog="Example: anchorprune slice config.py weights.pth layout-0.7.json --output sliced/")
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("weights", type=click.Path(path_type=Path))
@click.argument("layout", type=click.Path(path_type=Path))
@output_option
def command(config: Path, weights: Path, layout: Path, output: Path):
    """Remove the channels of the anchors that LAYOUT does not keep; write config.py, weights.pth and head.json."""
    from anchorprune.detectors.mmdet.model import load
    from anchorprune.detectors.mmdet.pruned import slice_detector
    from anchorprune.heads.cost import cost
    from anchorprune.heads.layout import Layout

    detector = load(config, weights)
    chosen = Layout.load(layout, detector.head)
    slice_detector(detector, chosen, output)
    print_json(cost(chosen).to_dict())
