"""Do the results in a folder still fit their records?"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any

from anchorprune.errors import UserError
from anchorprune.progress_bar import progress_bar
from anchorprune.provenance.origin import installed, provenance
from anchorprune.provenance.record import SUFFIX, Record, digest, records_in, results_in, shown

# Files that only a command of the pipeline writes: where no record lists one, an older version made it.
_RESULTS = (
    *("detector.json", "dataset.json", "predictions.parquet", "front.csv", "layout-*.json", "score.json"),
    *("metrics.json", "metrics-onnx.json", "results.csv"),
)


@dataclass
class Findings:
    """What does not fit; each list is of lines that name a file and what is wrong.

    Attributes:
        records: how many were read.
        damaged: outputs that are gone or not as they were written, and unreadable records.
        changed: inputs that are not what a result was made from.
        notes: what made the results is not what is here now, and results without a record.
        removed: files that were deleted.
        remake: of these, what Snakemake is to be asked for.
    """

    records: int = 0
    damaged: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    remake: list[str] = field(default_factory=list)
    _unfit: list[Path] = field(default_factory=list)  # records with damaged outputs
    _unreadable: list[Path] = field(default_factory=list)  # records

    @property
    def fits(self) -> bool:
        """Whether every output is as it was written, and made from what its inputs are."""
        return not (self.damaged or self.changed)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: value for name, value in asdict(self).items() if name[0] != "_"}


def verify(folder: Path) -> Findings:
    """Compare every file that the records below a folder name; a progress bar on a terminal.

    An input that is itself a recorded result is compared by the records: where it is damaged, it is named once.

    Raises:
        UserError: there is no record.
    """
    found, records = Findings(), {}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        try:
            records[path] = Record.load(path)
        except UserError as error:
            found.damaged.append(str(error))
            found._unreadable.append(path)
    if not records and not found.damaged:
        raise UserError(f"{folder}: no records of results (*{SUFFIX}) below it; give the folder that holds results")
    found.records = len(records)
    written = {
        _plain(path.parent / name): hash_ for path, one in records.items() for name, hash_ in one.outputs.items()
    }
    hashes = _Hashes()
    for path, record in progress_bar(records.items(), "verify", len(records), unit=" results"):
        _check_outputs(found, path, record, hashes)
        _check_inputs(found, path, record, written, hashes)
    found.notes += [*_origins(list(records.values())), *_unrecorded(folder, written)]
    return found


def remove_damaged(found: Findings) -> None:
    """Delete every output of each record with a damaged one, and the record; of an unreadable one, what it may list."""
    for path in found._unfit:
        _remove(found, [*(path.parent / name for name in Record.load(path).outputs), path])
    for path in found._unreadable:
        listed = {name for record in records_in(path.parent).values() for name in record.outputs}
        files = [file for file in results_in(path.parent) if file.name not in listed]
        own = [file for file in files if file.stem == path.name.removesuffix(SUFFIX)]
        _remove(found, [*(own or files), path])


def _remove(found: Findings, files: list[Path]) -> None:
    results = [file for file in files if not file.name.endswith(SUFFIX)]
    wanted = [file for file in results if any(file.match(pattern) for pattern in _RESULTS)] or results[:1]
    found.remake += [shown(file) for file in wanted]
    for file in files:
        if file.is_file():
            file.unlink()
            found.removed.append(str(file))


class _Hashes:
    """SHA-256 of files, each computed once; None for one that is not there or cannot be read."""

    def __init__(self) -> None:
        self._known: dict[Path, str | None] = {}

    def of(self, path: Path) -> str | None:
        if path not in self._known:
            try:
                self._known[path] = digest(path)
            except OSError:
                self._known[path] = None
        return self._known[path]


def _check_outputs(found: Findings, path: Path, record: Record, hashes: _Hashes) -> None:
    bad = [(path.parent / n, hashes.of(path.parent / n)) for n, h in record.outputs.items()]
    bad = [(file, now) for file, now in bad if now != record.outputs[file.name]]
    for file, now in bad:
        what = "is gone or cannot be read" if now is None else "is damaged"
        found.damaged.append(f"{file}: {what}: not what `anchorprune {record.command}` wrote")
    if bad:
        found._unfit.append(path)


def _check_inputs(found: Findings, path: Path, record: Record, written: dict[str, str], hashes: _Hashes) -> None:
    root = _root(path, record)
    for name, recorded in record.inputs.items():
        file = root / name
        now = written.get(_plain(file)) or hashes.of(file)
        if now != recorded:
            what = "is gone or cannot be read" if now is None else "has changed"
            result = path.parent if len(record.outputs) > 1 else path.parent / next(iter(record.outputs), "")
            found.changed.append(f"{os.path.relpath(file)}: {what} since {result} was made from it")


def _root(path: Path, record: Record) -> Path:
    """The working folder that a record's relative names start from: above the record's own folder, moved or not."""
    folder = PurePath(record.folder)
    if folder.is_absolute():
        return Path.cwd()
    return Path(os.path.normpath(path.parent.absolute() / Path(*[os.pardir] * len(folder.parts))))


def _plain(path: Path) -> str:
    return os.path.normpath(path.absolute())


def _origins(records: list[Record]) -> Iterator[str]:
    """One line for each commit, version or library version that differs from what is here."""
    here = provenance()
    for key, what in (("commit", "commit"), ("anchorprune", "anchorprune")):
        counts = Counter(getattr(record, key) for record in records)
        for value, count in sorted(counts.items(), key=str):
            if value != here[key]:
                yield f"{count} results were made by {what} {value or 'unknown'}, now {here[key] or 'unknown'}"
    counts = Counter(item for record in records for item in record.libraries.items())
    libraries = installed({name for name, _ in counts})
    for (name, value), count in sorted(counts.items()):
        if value != libraries.get(name):
            yield f"{count} results were made with {name} {value}, now {libraries.get(name, 'not installed')}"


def _unrecorded(folder: Path, written: dict[str, str]) -> Iterator[str]:
    for pattern in _RESULTS:
        for file in sorted(folder.rglob(pattern)):
            if _plain(file) not in written and not file.name.endswith(SUFFIX):
                yield f"{file}: has no record; an older version made it, or the run that made it was stopped"
