"""The commit that a wheel or an sdist is built of, written into it; everything else is in pyproject.toml."""

import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent
COMMIT = "anchorprune/commit.txt"


def write_commit(folder: str) -> None:
    """Write the file below a folder, where this is a checkout; an sdist has it already, another tree has none."""
    if (HERE / ".git").exists():
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False)
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=HERE, capture_output=True, check=False)
        if found.returncode == 0:
            text = found.stdout.strip() + ("-dirty" if changed.returncode else "")
            (Path(folder) / COMMIT).write_text(f"{text}\n")


class BuildWithCommit(build_py):
    """Modules, and the commit beside them."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # which leaves the package where it is, beside its repository
            write_commit(self.build_lib)


class SdistWithCommit(sdist):
    """The source tree, and the commit within."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        write_commit(base_dir)


setup(cmdclass={"build_py": BuildWithCommit, "sdist": SdistWithCommit})
