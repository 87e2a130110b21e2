"""Errors that nobody expected: one line for the user, the traceback in a log file."""

import tempfile
import traceback
from pathlib import Path

from platformdirs import user_log_path

from anchorprune.files import FULL

_LONGEST = 300  # letters of an error's own text


def one_line(error: BaseException, debug: bool = False) -> str:
    """What happened, of what type, and what to do; the traceback goes to a file that the line names.

    Args:
        error: as it was caught.
        debug: the traceback is shown on standard error instead.
    """
    if debug:
        traceback.print_exception(error)
        return f"{_what(error)}; {_remedy(error)}"
    return f"{_what(error)}; {_remedy(error)} ({_logged(error)}; `anchorprune --debug ...` shows it)"


def _what(error: BaseException) -> str:
    said = " ".join(str(error).partition("\n")[0].split())
    return f"{type(error).__name__}: {said[:_LONGEST]}" if said else type(error).__name__


def _remedy(error: BaseException) -> str:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's
        return "memory is full; end other programs, or use a machine with more"
    if isinstance(error, OSError) and error.errno in FULL:
        return "the disk is full; free some of it and run this again"
    if isinstance(error, OSError):
        return "the system refused; check the path and its permissions, and run this again"
    return "not foreseen; check the inputs, and report it with its traceback if they are right"


def _logged(error: BaseException) -> str:
    """Write the traceback to a file of its own; says where it is."""
    for folder in (user_log_path("anchorprune"), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=folder, prefix="error-", suffix=".log", delete=False) as log:
                log.writelines(traceback.format_exception(error))
        except OSError:
            continue
        return f"traceback in {log.name}"
    return "its traceback could be written nowhere"
