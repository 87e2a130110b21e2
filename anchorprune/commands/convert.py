"""`anchorprune convert`: a prunable detector from one as its framework has it, and back."""

from pathlib import Path

import click

from anchorprune.commands.help_example import example
from anchorprune.commands.options import backend_option, detector_options, output_option, print_json
from anchorprune.commands.recorded import recorded


@click.command(
    epilog=example(
        "anchorprune convert {base}/train/config.py {base}/train/weights.pth --name ssd --output {tried}/converted",
    )
)
@click.argument("config")
@click.argument("weights", type=click.Path(path_type=Path), required=False)
@backend_option
@detector_options
@click.option("--name", help="Name of the head; layouts refer to it.  [default: CONFIG's file name]")
@click.option(
    "--order",
    default="config",
    show_default=True,
    metavar="config|published|FILE",
    help="Whose anchors WEIGHTS have: CONFIG's; those of the paper's SSD300; or those of another mmdet config, FILE. "
    "They are matched by their shape to CONFIG's or to those of --anchors.",
)
@click.option("--back", is_flag=True, help="The other way: to mmdet's own head and generator, where they can give it.")
@output_option
@recorded
def command(
    config: str,
    weights: Path | None,
    backend_name: str,
    name: str | None,
    anchors: Path | None,
    option: tuple[str, ...],
    order: str,
    back: bool,
    output: Path,
) -> None:
    """Give the detector of the mmdet config CONFIG (a file, or mmdet::FOLDER/NAME.py) an explicit anchor list.

    The boxes are those it had; with --anchors, in the order of that set.

    With --backend, CONFIG and WEIGHTS are that framework's; what follows is of mmdet.

    Writes config.py (complete), head.json, detector.json and, if WEIGHTS are given, weights.pth (tensors only). WEIGHTS
    may be a checkpoint of mmdet 2.x or 3.x.

    With --back, CONFIG has an explicit list, pruned or not (or is a detector's folder); config.py and weights.pth then
    need mmdet alone, and the generator that was found is printed. There is one for equally many anchors on every level,
    or for SSD's scheme. (mmdet 3's own SSDHead trains, but fails at prediction for want of an attribute `loss_cls`;
    ours has it.)
    """
    from anchorprune.detectors.folder import record_trained
    from anchorprune.detectors.foreign import Foreign
    from anchorprune.detectors.protocols import Returning
    from anchorprune.detectors.registry import backend, offered
    from anchorprune.heads.cost import cost
    from anchorprune.heads.layout import Layout

    chosen = backend(backend_name)
    if back:
        if name is not None or order != "config" or anchors is not None or option:
            raise click.UsageError("--back goes without --name, --order, --anchors and --option")
        offered(chosen, Returning, "--back")
        files = [Path(config), *([weights] if weights is not None else [])]
        print_json({"output": str(output), **chosen.give_back(files, output)})
        return
    foreign = Foreign(config, name or Path(config).stem, weights, anchors, option)
    head = chosen.take_over(foreign, output, order)
    record_trained(output, [] if weights is not None else None)
    print_json({"output": str(output), "head": head.name, **cost(Layout.full(head)).to_dict()})
