"""While a command runs: what it reads is looked over and noted, and at the end what it wrote."""

import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from anchorprune.errors import UserError
from anchorprune.provenance.origin import provenance, used_libraries
from anchorprune.provenance.record import SUFFIX, Record, digest, record_file, records_in, results_in, shown

LOG = logging.getLogger(__name__)
# Whole folders are what an older version wrote no record of, known by this file.
_DETECTOR = "detector.json"
_NOT_RECORDED = ("threads",)

_current: "Recording | None" = None


class Recording:
    """The record in the making; as a context manager, around the command's work.

    On entry, an input that is not as the command left it that wrote it ends this one, and outputs of an earlier run
    that are damaged are removed: they shall not be taken for finished. The earlier record goes, and comes back if
    nothing was written. On success the record is written, where anything was.
    """

    def __init__(self, command: str, parameters: Mapping[str, Any], output: Path | None, files: Sequence[Path] = ()):
        """Prepare.

        Args:
            command: words of the command.
            parameters: its parameters by name; the files and folders of results among them are its inputs.
            output: folder it writes, or the first of its `files`; None: nothing is recorded.
            files: all that it writes, where they are known; empty: what it comes to write into the folder.
        """
        self._command, self._parameters = command, parameters
        self._output, self._files = output, files
        self._inputs: dict[str, str] = {}

    def __enter__(self) -> "Recording":
        global _current
        given = (value for name, value in self._parameters.items() if name != "output")
        self.read(file for path in _paths(given) for file in _files(path))
        if self._output is not None:
            self._path = record_file(self._command, self._output, bool(self._files))
            self._folder = self._path.parent
            self._earlier = records_in(self._folder).get(self._path)
            _drop_damaged(self._folder, self._earlier, {file.name for file in self._files})
            self._before = self._state()
            with suppress(OSError):  # where nothing can be written, the first file says so
                self._path.unlink()
        _current = self
        return self

    def read(self, files: Iterable[Path]) -> None:
        """Note inputs.

        Raises:
            UserError: one is not as it was written.
        """
        known: dict[Path, dict[str, str]] = {}
        for file in files:
            folder, name = file.parent, shown(file)
            if name in self._inputs or not file.is_file():
                continue
            if folder not in known:
                known[folder] = {n: h for record in records_in(folder).values() for n, h in record.outputs.items()}
            self._inputs[name] = found = digest(file)
            if known[folder].get(file.name, found) != found:
                raise UserError(
                    f"{file}: damaged or changed since it was made; `anchorprune verify --remove` deletes it and says "
                    f"how to make it again (to use it as it is: delete the record that lists it, {folder}/*{SUFFIX})"
                )

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        global _current
        _current = None
        if self._output is None:
            return
        after = self._state()
        if kind is not None:
            if self._earlier is not None and after == self._before and not self._path.exists():
                with suppress(UserError):  # nor can it be written; what ended the command says why
                    self._earlier.save(self._path)
            return
        written = [file for file, state in after.items() if self._before.get(file) != state]
        if not self._files and (self._folder / _DETECTOR).is_file():  # it belongs to the command as a whole
            written = list(after)
        elif self._earlier is not None and not written:
            written = [file for file in after if file.name in self._earlier.outputs]
        if written:
            self._record(written).save(self._path)

    def _state(self) -> dict[Path, tuple[int, int]]:
        """The output files, each with what changes when it is written anew."""
        if self._files:
            files = [file for file in self._files if file.is_file()]
        else:
            others = {
                name
                for path, record in records_in(self._folder).items()
                if path != self._path
                for name in record.outputs
            }
            found = results_in(self._folder) if self._folder.is_dir() else []
            files = [file for file in found if file.name not in others and shown(file) not in self._inputs]
        return {file: (status.st_ino, status.st_mtime_ns) for file in files for status in [file.stat()]}

    def _record(self, written: Iterable[Path]) -> Record:
        arguments = {
            name: _argument(value)
            for name, value in sorted(self._parameters.items())
            if value is not None and name not in _NOT_RECORDED
        }
        return Record(
            command=self._command,
            arguments=arguments,
            folder=shown(self._folder),
            inputs=dict(sorted(self._inputs.items())),
            outputs={file.name: digest(file) for file in written},
            libraries=used_libraries(),
            **provenance(),
        )


def also_read(files: Iterable[str | Path]) -> None:
    """Note inputs that are no parameters of the command that runs; errors as `Recording.read`."""
    if _current is not None:
        _current.read(map(Path, files))


def _drop_damaged(folder: Path, earlier: Record | None, names: Collection[str]) -> None:
    """Remove what an earlier run wrote and is not as it left it: any of it, or of the `names` that are written now."""
    for name, recorded in earlier.outputs.items() if earlier else ():
        file = folder / name
        if (not names or name in names) and file.is_file() and digest(file) != recorded:
            LOG.warning("%s: damaged since it was made; made again", file)
            file.unlink()


def _paths(values: Iterable[Any]) -> Iterator[Path]:
    """Every path among parameters, also inside tuples; text that names a file counts."""
    for value in values:
        if isinstance(value, tuple | list):
            yield from _paths(value)
        # Not Path.is_file: it raises an error where a text is too long for a name.
        elif isinstance(value, Path) or (isinstance(value, str) and os.path.isfile(value)):  # noqa: PTH113
            yield Path(value)


def _files(path: Path) -> list[Path]:
    """A file, with the digest of its images where one lies beside it; or the results in a folder: not images."""
    if path.is_file():
        images = path.with_suffix(".sha256")
        return [path, images] if images.is_file() else [path]
    if not path.is_dir():
        return []
    if (path / _DETECTOR).is_file():
        return results_in(path)
    # what was written into the folder as a whole: others may add files of their own to it (a budget's layout)
    whole = (one for file, one in records_in(path).items() if file == record_file(one.command, path, False))
    return [path / name for record in whole for name in record.outputs]


def _argument(value: Any) -> Any:
    if isinstance(value, Path):
        return shown(value)
    if isinstance(value, str):
        return shown(value) if Path(value).is_absolute() else value
    if isinstance(value, tuple | list):
        return [_argument(one) for one in value]
    return value
