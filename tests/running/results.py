"""What a command wrote, without the records beside it."""

from pathlib import Path


def results(folder: Path) -> list[Path]:
    """The files and folders in a folder, by name, without records of how they were made."""
    return sorted(path for path in folder.iterdir() if not path.name.endswith(".record.json"))


def names_in(folder: Path) -> list[str]:
    """Their names."""
    return [path.name for path in results(folder)]
