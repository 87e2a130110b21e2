"""What a detector in an ONNX file is beside its graph and its head: what the graph does not tell."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from anchorprune.errors import UserError
from anchorprune.heads.predictions import Postprocess

FITS, CHANNELS = ("letterbox", "stretch"), ("rgb", "bgr")


@dataclass(frozen=True)
class InputScaling:
    """From an image file to the graph's input.

    Attributes:
        divide: 0..255 is divided by this.
        channels: their order, `rgb` or `bgr`.
        fit: `letterbox` scales by one factor and pads both sides, `stretch` by two factors.
        pad: 0..255, of the padding.
    """

    divide: float = 255.0
    channels: str = "rgb"
    fit: str = "letterbox"
    pad: float = 114.0


@dataclass(frozen=True)
class Facts:
    """What `detector.json` has of a detector.

    Attributes:
        classes: names, in the order of the graph's.
        heads: for each level of `head.json` the output of its convolution; None: the level has been dropped.
        scaling: of images.
        multi_label: a box is a candidate of each class above the threshold, not of its best one alone.
        activated: raw outputs have been through a sigmoid in the graph.
        postprocess: what is made of the candidates.
        fractions: decoded boxes are in fractions of the input, not in its pixels.
    """

    classes: tuple[str, ...]
    heads: tuple[str | None, ...]
    scaling: InputScaling
    multi_label: bool
    activated: bool
    postprocess: Postprocess
    fractions: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The form in `detector.json`."""
        return {
            **asdict(self),
            "classes": list(self.classes),
            "heads": list(self.heads),
            "postprocess": self.postprocess.to_dict(),
        }

    @classmethod
    def from_dict(cls, value: Any, source: str) -> "Facts":
        """Read that form; `source` names it in errors.

        Raises:
            UserError: a key is missing or of the wrong kind.
        """
        try:
            classes = tuple(map(str, value["classes"]))
            heads = tuple(None if name is None else str(name) for name in value["heads"])
            scaling = scaling_of(value["scaling"], source)
            post = Postprocess.from_dict(value["postprocess"], source)
            flags = bool(value["multi_label"]), bool(value["activated"])
            return cls(classes, heads, scaling, *flags, post, bool(value.get("fractions", False)))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{source}: not the record of an ONNX detector ({error!r}); make it again") from None


def scaling_of(value: dict[str, Any], source: str) -> InputScaling:
    """The scaling that keys say; those that are missing are as usual.

    Raises:
        UserError: a value is none of those that its key may have.
    """
    try:
        given = {key: type(usual)(value.get(key, usual)) for key, usual in asdict(InputScaling()).items()}
    except (TypeError, ValueError) as error:
        names = ", ".join(field.name for field in fields(InputScaling))
        raise UserError(f"{source}: of {names}, one is of the wrong kind ({error}); correct it") from None
    for key, known in (("fit", FITS), ("channels", CHANNELS)):
        if given[key] not in known:
            raise UserError(f"{source}: {key} is {given[key]!r}; it is {' or '.join(known)}")
    if not given["divide"] > 0 or not 0 <= given["pad"] <= 255:
        raise UserError(f"{source}: divide is a number above 0 and pad one of 0..255; correct them")
    return InputScaling(**given)
