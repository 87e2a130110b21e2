"""Locks where the system has them and where it has none: processes whose every flock fails, as on some shared disks."""

import errno
import os
import subprocess
import sys

import pytest
from filelock import Timeout
from running.command import ROOT

from anchorprune import files

SHIM = """
#include <errno.h>
#include <stdlib.h>
extern "C" int flock(int, int) {
  errno = atoi(getenv("FLOCK_ERRNO"));
  return -1;
}
"""
HOLD = """
import sys
from pathlib import Path
from anchorprune import files
from anchorprune.errors import UserError
from anchorprune.pipeline.runlock import hold_run_lock
what, folder, files._LEASE = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
try:
    hold_run_lock(folder) if what == "run" else files.hold_lock(folder / "lock", wait=True)
except UserError as error:
    sys.exit(str(error))
print("held", flush=True)
sys.stdin.read()
"""
WRITE = """
import sys
from anchorprune.files import whole_file
for name in ("a", "b"):
    with whole_file(f"{sys.argv[1]}/{name}.txt") as partial:
        partial.write_text(name)
"""


@pytest.fixture(scope="session")
def no_locks(tmp_path_factory):
    """Variables under which every flock of a process fails."""
    folder = tmp_path_factory.mktemp("flock")
    (folder / "flock.cpp").write_text(SHIM)
    subprocess.run(["g++", "-shared", "-fPIC", "-o", folder / "flock.so", folder / "flock.cpp"], check=True)
    return {"LD_PRELOAD": str(folder / "flock.so"), "FLOCK_ERRNO": str(errno.ENOLCK)}


@pytest.fixture
def start():
    """Start a program that holds a lock until its standard input ends."""
    started = []

    def run(what, folder, lease, **environment):
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", HOLD, what, str(folder), str(lease)]
        env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        if not process.stdin.closed:
            process.communicate()


def test_held_until_released(tmp_path):
    lock = files.hold_lock(tmp_path / "lock")
    with pytest.raises(Timeout):
        files.hold_lock(tmp_path / "lock")
    lock.release()
    files.hold_lock(tmp_path / "lock").release()


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_one_run_at_a_time_without_locks(tmp_path, no_locks, start, reason):
    variables = {**no_locks, "FLOCK_ERRNO": str(reason)}
    first = start("run", tmp_path, 60, **variables)
    assert first.stdout.readline() == "held\n"
    second = start("run", tmp_path, 60, **variables)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(1)  # it looks whether the first lives
    first.communicate()
    assert second.stdout.readline() == "held\n"


def test_a_live_run_is_not_pushed_aside(tmp_path, no_locks, start):
    first = start("run", tmp_path, 1.5, **no_locks)
    assert first.stdout.readline() == "held\n"
    second = start("run", tmp_path, 1.5, **no_locks)
    error = second.communicate()[1].strip().splitlines()[-1]
    assert error.endswith("another snakemake is running here; wait for it to end")


def test_a_killed_holder_is_found_dead(tmp_path, no_locks, start):
    """Also one of another machine, of whose processes nothing is known here: by the signs of life that stop."""
    first = start("training", tmp_path, 2, **no_locks)
    assert first.stdout.readline() == "held\n"
    first.kill()
    first.communicate()
    marker = tmp_path / "lock.held"
    marker.write_text(marker.read_text().replace(os.uname().nodename, "another-machine"))
    assert "another-machine" in marker.read_text()
    assert start("training", tmp_path, 2, **no_locks).stdout.readline() == "held\n"


def test_whole_files_without_locks(tmp_path, no_locks):
    command = [sys.executable, "-c", WRITE, tmp_path]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT), **no_locks})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]
