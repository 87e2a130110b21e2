"""What a training's logs said before it was interrupted: a log that begins anew would lack the beginning."""

from pathlib import Path

# mmengine's lines with losses, in the file NAME/NAME.log of each run, NAME being when it started.
_LOSSES = ("Epoch(train)", "Iter(train)")


def earlier_losses(work: Path) -> list[str]:
    """The lines with losses of a training's runs so far, the oldest first; what is trained again has two lines.

    Args:
        work: folder of the checkpoints, which is removed with the logs in it when the training is done.
    """
    files = sorted(file for file in work.glob("*/*.log") if file.stem == file.parent.name)
    return [
        line
        for file in files
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()
        if any(start in line for start in _LOSSES)
    ]
