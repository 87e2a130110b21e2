"""`@recorded`: a command checks what it reads and leaves a record beside what it writes."""

import functools
from collections.abc import Callable
from typing import Any

import click


def recorded(callback: Callable[..., Any], single: bool = False) -> Callable[..., Any]:
    """Run a command's function inside a `Recording`; its `--output`, where it has one, is a folder, or a `single` file.

    The outermost decorator below those of click.
    """

    @functools.wraps(callback)
    def call(**parameters: Any) -> Any:
        from anchorprune.provenance import Recording

        words = click.get_current_context().command_path.split()[1:]
        with Recording(" ".join(words), parameters, parameters.get("output"), single):
            return callback(**parameters)

    return call


recorded_file = functools.partial(recorded, single=True)
