"""Where a run's report goes: a selection of experiments never writes over another one's."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DEFAULT_FOLDER = "report"
_MOST_WORDS = 3


def report_folder(config: Mapping[str, Any], picked: Sequence[str], results: Path) -> str:
    """Name of the folder, below `results`, of the report of the experiments that a run picks.

    What the key `report` says; else a folder that the same words of `run` have had before; else `report`, where that
    is free or shows none but the picked experiments: a sweep that has grown. Else one named after `run`, so that the
    report which lies in `report` stays whole. So it depends on the configuration and on which reports there are.

    Args:
        config: with every default filled in.
        picked: names of the experiments.
        results: folder of all results.
    """
    if config.get("report"):
        return config["report"]
    own = f"{DEFAULT_FOLDER}-{_named_after(config['run'])}"
    if not (results / own / "manifest.json").is_file() and shown(results / DEFAULT_FOLDER) <= set(picked):
        return DEFAULT_FOLDER
    return own


def shown(folder: Path) -> set[str]:
    """Names of the experiments that the report in a folder shows; none where there is no manifest, or a damaged one."""
    try:
        return {entry["experiment"] for entry in json.loads((folder / "manifest.json").read_text())}
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def _named_after(run: str | Sequence[str]) -> str:
    """Words of `run` as a file name: all of a few, else the first, how many more, and a digest of them all."""
    words = [word.strip() for word in run.split(",")] if isinstance(run, str) else list(run)
    if len(words) <= _MOST_WORDS:
        return "+".join(words)
    digest = hashlib.sha256(",".join(words).encode()).hexdigest()[:8]
    return f"{words[0]}+{len(words) - 1}-more-{digest}"
