"""Progress of long work on standard error: a moving bar on a terminal, and else nothing, or a line now and then.

Lines are for logs, which a pipeline's display reads: they come where ANCHORPRUNE_PROGRESS says how many seconds apart.
"""

import os
import re
import sys
from collections.abc import Iterable, Sized
from typing import Any

from tqdm import tqdm

SECONDS = "ANCHORPRUNE_PROGRESS"
_UNENDING = "progress: {desc}: {n_fmt}{unit}, {rate_noinv_fmt}{postfix}"
_ENDING = "progress: {desc}: {n_fmt} of {total_fmt}{unit}, {rate_noinv_fmt}{postfix}, {remaining} left"
LINE = re.compile(r"^progress: (.+)$", re.MULTILINE)


def progress_bar(
    items: Iterable | None = None, title: str | None = None, total: int | None = None, **settings: Any
) -> tqdm:
    """A `tqdm` over items, or without them to `update`; its arguments by its names."""
    if sys.stderr.isatty():
        return tqdm(items, title, total, dynamic_ncols=True, **settings)
    apart = _seconds()
    if apart is None:
        return tqdm(items, title, total, disable=True, **settings)
    total = len(items) if total is None and isinstance(items, Sized) else total
    settings |= {
        "unit": " " + settings.get("unit", "it").strip(),
        "leave": False,
        "file": _Lines(),
        "mininterval": apart,
        "maxinterval": 2 * apart,
        "bar_format": _ENDING if total else _UNENDING,
    }
    return tqdm(items, title, total, **settings)


def _seconds() -> float | None:
    try:
        return max(float(os.environ.get(SECONDS, "")), 0.1)
    except ValueError:
        return None


class _Lines:
    """Standard error for a bar that is to write lines, where it would move."""

    def write(self, text: str) -> None:
        if line := text.strip("\r\n \x1b[A"):
            sys.stderr.write(line + "\n")

    def flush(self) -> None:
        sys.stderr.flush()
