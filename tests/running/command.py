"""`anchorprune ARGUMENTS`, in this process or in one of its own, and what it left behind."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from backends import LINEAR

from anchorprune.cli import main
from running.state import like_a_new_process

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """What a command line left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error_line(self) -> str:
        """The last line on standard error, which a failing command must end with."""
        return self.err.strip().splitlines()[-1]


def in_process(*arguments, cwd=ROOT, **environment) -> Result:
    """Run a command here, where mmdet is imported already; nothing of it stays behind but its files.

    A warning is an error, as everywhere in the tests.

    Args:
        *arguments: of `anchorprune`; each becomes a string.
        cwd: the current folder.
        **environment: variables to set.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with like_a_new_process(), contextlib.chdir(cwd), _redirected(out, err):
            os.environ.update(environment)
            status = _status(lambda: main([str(argument) for argument in arguments]))
        return Result(status, *(stream.seek(0) or stream.read() for stream in (out, err)))


def as_process(*arguments, cwd=ROOT, **environment) -> Result:
    """Run a command as a user does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "anchorprune", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{LINEAR}", **environment},
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def wait_for(file: Path, process: subprocess.Popen, log: Path) -> None:
    """Wait until a running process has written a file, whose name may have wildcards; `log` is what it printed."""
    deadline = time.monotonic() + 600  # on a machine that does much else
    while not any(file.parent.glob(file.name)):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


def _status(call: Callable[[], int]) -> int:
    """The exit status that a process would have; an error nobody expected is printed, as Python prints it."""
    try:
        return call()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:
        traceback.print_exc()
        return 1


@contextlib.contextmanager
def _redirected(out: TextIO, err: TextIO) -> Iterator[None]:
    """Send standard output and error to files: Python's streams, and the descriptors that libraries write to."""
    before = sys.stdout, sys.stderr
    for stream in before:
        stream.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        for descriptor, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), descriptor)
        with (
            open(1, "w", encoding="utf-8", closefd=False) as sys.stdout,
            open(2, "w", encoding="utf-8", buffering=1, closefd=False) as sys.stderr,
        ):
            yield
    finally:
        sys.stdout, sys.stderr = before
        for descriptor, duplicate in zip((1, 2), kept, strict=True):
            os.dup2(duplicate, descriptor)
            os.close(duplicate)
