"""What the steps of `retrain: auto` came to: their evidence read, and the detector taken over."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from anchorprune.detectors.folder import NAME
from anchorprune.errors import UserError
from anchorprune.files import read_json, whole_file, write_json
from anchorprune.provenance import results_in
from anchorprune.report.data.search_results import selected

VERSION = 1
DECISION, LAYOUT = "decision.json", "layout.json"
_NOT_TAKEN = "not taken"
# How a detector is finished -> the step that looked at its layout.
_LOOKED_AT = {"none": "slice", "once": "once", "finetune": "slice"}


def skipped(step: str, earlier: Path) -> dict[str, Any]:
    """What stands for the evidence of a step that is not taken, since an earlier one has decided.

    Raises:
        UserError: it has not.
    """
    way = _way(read_evidence(earlier), earlier)
    return {"version": VERSION, "step": step, "verdict": _NOT_TAKEN, "finish": way, "best": way}


def finish(detector: Path, layout: Path, evidence: Sequence[Path], choice: Path | None, output: Path) -> dict[str, Any]:
    """Take over the detector that the steps came to: its files, its layout, and `decision.json`.

    The last is what the search says of the layout (`choice`), with `finish`, `steps` (the evidence of those taken) and
    `ap`, on the prune split before any training of the budget's own.

    Args:
        detector: its folder.
        layout: file of its layout.
        evidence: files of the steps, in order, those not taken included or not.
        choice: file of the search's words on the layout, where it found it.
        output: folder; what an earlier decision left there goes.

    Returns:
        What `decision.json` holds.

    Raises:
        UserError: the steps came to nothing.
    """
    steps = [read_evidence(file) for file in evidence]
    way = _way(steps[-1], evidence[-1])
    steps = [step for step in steps if step["verdict"] != _NOT_TAKEN]
    ap = next(step["ap"] for step in steps if step["step"] == _LOOKED_AT[way])
    said = selected({"choice": str(choice)}, 0) if choice else {}
    files = sorted(results_in(detector), key=lambda file: file.name == NAME)  # where it is, the folder is whole
    with suppress(OSError):  # where nothing can be written, the first file says so
        (output / NAME).unlink()
    output.mkdir(parents=True, exist_ok=True)
    for stale in {file.name for file in results_in(output)} - {file.name for file in files}:
        (output / stale).unlink()
    decision = {"ap": ap, **said, "version": VERSION, "finish": way, "steps": steps}
    write_json(output / DECISION, decision)
    for source, name in [(layout, LAYOUT), *((file, file.name) for file in files)]:
        with whole_file(output / name) as partial:
            shutil.copyfile(source, partial)
    return decision


def read_evidence(file: Path) -> dict[str, Any]:
    """A step's evidence."""
    found = read_json(file, "evidence")
    if not isinstance(found, dict) or found.get("version") != VERSION or not found.keys() >= {"step", "finish", "best"}:
        raise UserError(f"{file}: no evidence of version {VERSION}; write it with `anchorprune decide`")
    return found


def _way(step: dict[str, Any], file: Path) -> str:
    """How a step has decided."""
    way = step["finish"]
    if way is None:
        raise UserError(f"{file}: decides nothing; give the next step's evidence")
    return way
