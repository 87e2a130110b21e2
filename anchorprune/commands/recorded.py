"""`@recorded`: a command checks what it reads and leaves a record beside what it writes."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]


def recorded(callback: Command) -> Command:
    """Run a command's function inside a `Recording`; its `--output`, where it has one, is a folder.

    The outermost decorator below those of click.
    """
    return _recorded(callback, None)


def recorded_file(callback: Command) -> Command:
    """The same for a command whose `--output` is a file."""
    return _recorded(callback, lambda parameters: [parameters["output"]])


def recorded_files(written: Callable[[Mapping[str, Any]], list[Path]]) -> Callable[[Command], Command]:
    """The same for a command that writes certain files of a folder, `written` by its parameters."""
    return functools.partial(_recorded, written=written)


def _recorded(callback: Command, written: Callable[[Mapping[str, Any]], list[Path]] | None) -> Command:
    @functools.wraps(callback)
    def call(**parameters: Any) -> Any:
        from anchorprune.provenance import Recording

        words = " ".join(click.get_current_context().command_path.split()[1:])
        files = written(parameters) if written else []
        with Recording(words, parameters, files[0] if files else parameters.get("output"), files):
            return callback(**parameters)

    return call
