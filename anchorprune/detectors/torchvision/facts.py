"""What a torchvision detector is beside its head and its weights."""

from dataclasses import dataclass
from typing import Any

from anchorprune.detectors.torchvision.architectures import architecture_of
from anchorprune.errors import UserError
from anchorprune.heads.predictions import Postprocess


@dataclass(frozen=True)
class Facts:
    """What `detector.json` has of a detector.

    Attributes:
        architecture: name of torchvision's builder.
        classes: names of the classes that are looked for.
        labels: torchvision's label of each, ascending; 0 is the background.
        outputs: classes of the network, the background's and those without a name included.
        postprocess: what it makes of its candidates.
    """

    architecture: str
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    outputs: int
    postprocess: Postprocess

    def to_dict(self) -> dict[str, Any]:
        """The form in `detector.json`."""
        return {
            "architecture": self.architecture,
            "classes": list(self.classes),
            "labels": list(self.labels),
            "outputs": self.outputs,
            "postprocess": self.postprocess.to_dict(),
        }

    @classmethod
    def from_dict(cls, value: Any, source: str) -> "Facts":
        """Read that form; `source` names it in errors.

        Raises:
            UserError: a key is missing or of the wrong kind.
        """
        try:
            classes, labels = tuple(map(str, value["classes"])), tuple(map(int, value["labels"]))
            post = Postprocess.from_dict(value["postprocess"], source)
            found = cls(architecture_of(str(value["architecture"])), classes, labels, int(value["outputs"]), post)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{source}: not the record of a torchvision detector ({error!r}); make it again") from None
        if len(labels) != len(classes) or not all(0 < label < found.outputs for label in labels):
            raise UserError(f"{source}: labels {list(labels)} do not fit its classes and outputs; make it again")
        return found
