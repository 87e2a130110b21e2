"""A detector as its own framework has it: what it is taken over from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anchorprune.heads.head import Head


@dataclass(frozen=True)
class Foreign:
    """A detector as its framework has it, not yet a folder of ours.

    Attributes:
        config: what describes it to its framework; for mmdet, a config file or `mmdet::FOLDER/NAME.py`.
        name: of its head; layouts refer to it.
        weights: its checkpoint, where there is one.
        anchors: JSON with `strides` and `levels` of [w, h] pairs in input pixels; None: its own anchors.
        options: changes to the config, `KEY=VALUE` each.
    """

    config: str
    name: str
    weights: Path | None = None
    anchors: Path | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class LookedOver:
    """What a backend says of a stranger's detector.

    Attributes:
        head: its head.
        overrides: changes to its config that the annotations ask for, by dotted key.
        note: a line for the user; "" for none.
    """

    head: Head
    overrides: Mapping[str, Any]
    note: str = ""
