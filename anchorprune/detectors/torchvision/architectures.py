"""The detectors of torchvision that are known here, without importing it."""

from dataclasses import dataclass

from anchorprune.errors import UserError, did_you_mean

PREFIX = "torchvision::"


@dataclass(frozen=True)
class Architecture:
    """A builder of torchvision.

    Attributes:
        family: what its head is like.
        input_size: (W, H) to which images are stretched; of a RetinaNet, `max_size` and `min_size`: what an image that
            keeps its ratio is scaled to fill.
        learning_rate: of SGD at `batch_size`, for a training from random weights.
        batch_size: images of an iteration.
    """

    family: str
    input_size: tuple[int, int]
    learning_rate: float
    batch_size: int


ARCHITECTURES = {
    "ssd300_vgg16": Architecture("ssd", (300, 300), 0.001, 8),
    "ssdlite320_mobilenet_v3_large": Architecture("ssd", (320, 320), 0.02, 8),
    "retinanet_resnet50_fpn": Architecture("retinanet", (1333, 800), 0.00125, 2),
    "retinanet_resnet50_fpn_v2": Architecture("retinanet", (1333, 800), 0.00125, 2),
}


def architecture_of(config: str) -> str:
    """The builder that a config names: `torchvision::NAME`, or NAME.

    Raises:
        UserError: it is none of those that are known here.
    """
    name = config.removeprefix(PREFIX)
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UserError(
            f"{config}: not a detector of torchvision that is known here; known: {known}"
            f"{did_you_mean(name, ARCHITECTURES)}"
        )
    return name
