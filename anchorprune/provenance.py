"""Where a result came from: the program's version and the commit of the project it ran in. Never the time of day."""

import subprocess
from typing import Any

from anchorprune import __version__


def provenance(**facts: Any) -> dict[str, Any]:
    """`facts` with the program's version and the current folder's git commit (None outside a repository)."""
    return {"anchorprune": __version__, "commit": git_commit(), **facts}


def git_commit() -> str | None:
    """The commit of the current folder's repository, with `-dirty` when tracked files differ from it."""
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], capture_output=True, check=False).returncode
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("-dirty" if changed else "")
