"""Heads that derive from one of mmdet's: those that differ in training alone predict as it does."""

import inspect
import logging

from mmengine.config import ConfigDict
from torch import nn

from anchorprune.detectors.mmdet.families.family import Family
from anchorprune.errors import UserError

LOG = logging.getLogger(__name__)
# Methods that prediction never calls have one of these in their names, in mmdet's heads and in those derived from them.
_TRAINING = ("loss", "target", "init_weights")


def as_prunable(head: ConfigDict, kind: type[nn.Module], family: Family) -> None:
    """Set a head's type to the class that takes explicit anchors, in place.

    A class derived from mmdet's may differ in its losses and targets; the prunable one predicts as it does and trains
    as mmdet's, which is logged. Arguments that only the derived class knows are left out.

    Args:
        head: config of the head.
        kind: its class.
        family: the family of that class.

    Raises:
        UserError: the class predicts otherwise than mmdet's.
    """
    plain, prunable = family.plain, family.prunable
    if issubclass(kind, prunable):
        return
    others = sorted(name for name in _overridden(kind, plain) if not any(word in name for word in _TRAINING))
    if others:
        raise UserError(
            f"head {kind.__name__} predicts otherwise than the {plain.__name__} it derives from (it has its own "
            f"{', '.join(others)}); supported are heads that differ from it in training alone"
        )
    if kind is not plain:
        names = kind.__name__, plain.__name__
        LOG.warning("head %s: predicts as %s; if it is trained further, its losses are that one's", *names)
        for name in set(head) - _accepted(prunable) - {"type"}:
            del head[name]
    head.type = prunable.__name__


def _overridden(kind: type, plain: type) -> set[str]:
    """The methods of `plain` that classes between it and `kind` define anew."""
    between = kind.__mro__[: kind.__mro__.index(plain)]
    return {n for c in between for n, v in vars(c).items() if inspect.isfunction(v) and hasattr(plain, n)} - {
        "__init__"
    }


def _accepted(kind: type) -> set[str]:
    """Names of the arguments that a class and those it derives from take."""
    makers = (vars(c)["__init__"] for c in kind.__mro__ if "__init__" in vars(c) and c is not object)
    return {name for maker in makers for name in inspect.signature(maker).parameters}
