"""The detectors of torchvision that are known here, without importing it."""

from dataclasses import dataclass

from anchorprune.errors import UserError, did_you_mean

PREFIX = "torchvision::"


@dataclass(frozen=True)
class Architecture:
    """A builder of torchvision.

    Attributes:
        input_size: (W, H) to which images are stretched.
        learning_rate: of SGD at `batch_size`, for a training from random weights.
        batch_size: images of an iteration.
    """

    input_size: tuple[int, int]
    learning_rate: float
    batch_size: int


ARCHITECTURES = {
    "ssd300_vgg16": Architecture((300, 300), 0.001, 8),
    "ssdlite320_mobilenet_v3_large": Architecture((320, 320), 0.02, 8),
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
