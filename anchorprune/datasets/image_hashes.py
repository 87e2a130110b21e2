"""SHA-256 of the images of a split, as `sha256sum` writes it: what was trained on or reported on, to the pixel."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from anchorprune.progress_bar import progress_bar
from anchorprune.provenance import digest


def write_hashes(file: Path, names: Iterable[str], folder: Path, known: dict[Path, str]) -> None:
    """Write a line `HASH  NAME` for each image; an image that is missing, where images are not checked, has no line.

    Shows a progress bar where standard error is a terminal.

    Args:
        file: to be written; check it with `cd FOLDER && sha256sum -c FILE`.
        names: of the images, relative to `folder`.
        folder: where they are.
        known: hashes of files read already; added to.
    """
    names = list(names)
    new = [path for path in dict.fromkeys(folder / name for name in names) if path not in known]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = progress_bar(pool.map(_hash, new), "reading images", len(new), unit="image", leave=False)
        known.update((path, hash_) for path, hash_ in zip(new, found, strict=True) if hash_)
    lines = [f"{known[folder / name]}  {name}\n" for name in names if folder / name in known]
    file.write_text("".join(lines), encoding="utf-8")


def _hash(path: Path) -> str | None:
    try:
        return digest(path)
    except OSError:
        return None
