"""A running job, and what its log says of how far it is."""

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anchorprune.progress_bar import LINE

_TAIL = 4096  # bytes of a log that are looked at
# mmengine's, of a training: Epoch(train)  [9][180/200]  lr: 2.0629e-05  eta: 0:00:02  ...  loss: 2.2201
_EPOCH = re.compile(r"Epoch\(train\)\s+\[(\d+)\]\[\s*(\d+)/(\d+)\].*?eta: ((?:\d+ days?, )?[\d:]+).*?\bloss: (\S+)")

_ERROR = re.compile(r"^(?:anchorprune: error: |Error: )(.+)", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """A job of the pipeline.

    Attributes:
        number: Snakemake's.
        rule: its rule.
        place: the folder of its results, below `results`.
        logs: its log files.
        started: by `time.monotonic`.
    """

    number: int
    rule: str
    place: str
    logs: tuple[str, ...]
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Job":
        """From the fields of Snakemake's event."""
        output = next(iter(fields.get("output") or []), "")
        parts = [part for part in Path(str(output).split(" ")[0]).parent.parts if part not in ("results", ".")]
        if parts and parts[-1].startswith(fields["rule_name"].split("_")[0]):
            parts.pop()  # `train scenes/..`, not `train scenes/../train`
        return cls(fields["jobid"], fields["rule_name"], "/".join(parts), tuple(fields.get("log") or ()))

    def __str__(self) -> str:
        return f"{self.rule} {self.place}".rstrip()

    @property
    def seconds(self) -> float:
        """Since it started."""
        return time.monotonic() - self.started

    def progress(self) -> str:
        """How far it is, as its log says; "" where that says nothing."""
        text = _tail(self.logs)
        if found := list(_EPOCH.finditer(text)):
            epoch, step, steps, left, loss = found[-1].groups()
            return f"epoch {epoch}, step {step} of {steps}, loss {loss}, {left} left"
        found = list(LINE.finditer(text))
        return found[-1].group(1) if found else ""

    def reason(self) -> str:
        """Why it failed, as its log says: the error, or the last line; "" without a log."""
        text = _tail(self.logs)
        if found := _ERROR.findall(text):
            return found[-1]
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def _tail(logs: tuple[str, ...]) -> str:
    """The end of the first log that is there."""
    for name in logs:
        try:
            with Path(name).open("rb") as stream:
                stream.seek(max(os.fstat(stream.fileno()).st_size - _TAIL, 0))
                return stream.read().decode(errors="replace")
        except OSError:
            continue
    return ""
