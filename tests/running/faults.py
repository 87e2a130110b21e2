"""Runs of the pipeline that are to be broken: watched, ended at a chosen moment, compared with a whole one."""

import hashlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from backends.trained import CONFIG

from running.pipeline import SNAKEMAKE, STARTED, environment, link_project, logs, snakemake

OUTPUT = re.compile(r"^    output: (.+)$")
FINISHED = re.compile(r"^Finished jobid: \d+ \(Rule: (\w+)\)")
NOT_COMPARED = (".log", ".tsv")  # they say when, and how long it took
SETTINGS = {
    "run": ["small"],
    "datasets": {"few": {"kind": "scenes", "seed": 1, "train": 60, "prune": 20, "test": 20}},
    "detectors": {"linear": {"backend": "linear", "config": str(CONFIG), "anchor_sets": {"own": {"from": "config"}}}},
    "experiments": {
        "small": {
            "detector": "linear",
            "dataset": "few",
            "anchor_sets": ["own"],
            "searches": ["greedy"],
            "budgets": [0.5],
            "controls": ["random", "kmeans"],
            "retrain": "finetune",
        }
    },
}


def new_project(folder: Path) -> Path:
    """The pipeline in a new folder, with the settings above as mine.yaml."""
    folder.mkdir()
    link_project(folder)
    (folder / "mine.yaml").write_text(yaml.safe_dump(SETTINGS))
    return folder


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[str], None]]:
    """A file system in memory at a folder; yields what mounts it anew with options, `size=` or `ro`."""
    folder.mkdir()
    if _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", folder):
        pytest.skip("may not mount a file system here; needs root")
    try:
        yield lambda options: _mount("-o", f"remount,{options}", folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str | Path) -> int:
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode


def used(folder: Path) -> int:
    """Bytes taken of the file system that a folder is."""
    status = os.statvfs(folder)
    return (status.f_blocks - status.f_bfree) * status.f_bsize


@dataclass
class Run:
    """A run of the pipeline in a session of its own.

    Attributes:
        folder: where it runs.
        events: (seconds since its start, started?, rule).
        logged: the lines of Snakemake's log.
        lines: those of the terminal.
    """

    folder: Path
    events: list[tuple[float, bool, str]] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self):
        self._begin, self._earlier = time.monotonic(), set(logs(self.folder))
        command = [*SNAKEMAKE, "--cores", "2", "--configfile", "mine.yaml"]
        self.process = subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._follow)]
        for reader in self._readers:
            reader.start()

    def _read(self):
        with self.process.stdout:
            self.lines.extend(self.process.stdout)

    def _follow(self):
        """Read the log as it grows, to what is there when the run has ended."""
        while not (found := set(logs(self.folder)) - self._earlier):
            if self.process.poll() is not None:
                return
            time.sleep(0.005)
        with found.pop().open() as log:
            rest, ended = "", False
            while not ended:
                ended = self.process.poll() is not None
                *lines, rest = (rest + log.read()).split("\n")
                for line in lines:
                    self._logged(line)
                time.sleep(0.005)

    def _logged(self, line: str):
        self.logged.append(line)
        for pattern, started in ((STARTED, True), (FINISHED, False)):
            if found := pattern.match(line):
                self.events.append((time.monotonic() - self._begin, started, found[1]))

    def wait(self, timeout=300) -> int:
        """Its exit status, when it has ended by itself."""
        status = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(10)
        return status

    def wait_for_start(self, count: int, wanted: Set[str] = frozenset()) -> str | None:
        """The rule of the job that is started as number `count`, or one wanted before it; None where the run ends."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            started = [rule for _, start, rule in list(self.events) if start]
            if found := [rule for rule in started if rule in wanted] or started[count - 1 : count]:
                return found[0]
            if self.process.poll() is not None:
                return None
            time.sleep(0.005)
        raise AssertionError("".join(self.lines))

    def outputs(self) -> dict[str, list[str]]:
        """Rule -> the files that its jobs make."""
        found, rule = {}, ""
        for line in self.logged:
            if start := STARTED.match(line):
                rule = start[1]
            elif made := OUTPUT.match(line):
                found.setdefault(rule, []).extend(made[1].split(", "))
        return found

    def running(self) -> list[str]:
        """The rules of the jobs that have begun and not ended."""
        rules: list[str] = []
        for _, started, rule in list(self.events):
            rules.append(rule) if started else rules.remove(rule)
        return rules

    def kill_all(self) -> None:
        """End it with all its jobs, as a machine that fails does; none outlives this."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.wait()

    def durations(self) -> dict[str, float]:
        """Rule -> seconds of its longest job."""
        longest: dict[str, float] = {}
        begun: dict[str, list[float]] = {}
        for moment, started, rule in self.events:
            if started:
                begun.setdefault(rule, []).append(moment)
            else:
                longest[rule] = max(longest.get(rule, 0), moment - begun[rule].pop(0))
        return longest


def contents(folder: Path) -> dict[str, str]:
    """Each file below `results`, hidden ones too -> SHA-256; "" for those that are not compared but must be there."""
    files = [path for path in sorted((folder / "results").rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): ""
        if path.suffix in NOT_COMPARED
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def check_equal(folder: Path, whole: dict[str, str]) -> None:
    """See that the results are those of an uninterrupted run, nothing more, and that nobody is still at work."""
    found = contents(folder)
    assert set(found) == set(whole)
    assert {name for name in found if found[name] != whole[name]} == set()
    assert processes_in(folder) == []


def processes_in(folder: Path) -> list[str]:
    """The command lines of processes whose working folder this is."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve() == folder.resolve():
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def finish(folder: Path) -> str:
    """Run the pipeline to its end; what it printed."""
    done = snakemake(folder, "--configfile", "mine.yaml")
    return done.stdout + done.stderr


def errors_logged(folder: Path) -> list[str]:
    """The error lines of commands in the logs below `results`."""
    lines = [line for log in sorted((folder / "results").rglob("*.log")) for line in log.read_text().splitlines()]
    return [line for line in lines if line.startswith("anchorprune: error: ")]
