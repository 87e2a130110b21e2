"""A cluster of one node and a user of it without rights, whose pipeline runs through a profile that is shipped."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml
from backends import LINEAR
from backends.trained import CONFIG

from running.command import ROOT
from running.pipeline import logs

SLURM = ROOT / "scripts/slurm_single_node.sh"
GRID_ENGINE = ROOT / "scripts/grid_engine_single_node.sh"
USER = "anchorprune-test"
FIELDS = ("jobid", "state", "minmemory", "timelimit", "partition", "tres-per-job", "numcpus", "comment")
# What a profile leaves to its user, for a cluster (Slurm's without accounts) whose jobs take seconds.
FAST = {
    "slurm": (
        *("--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"),
        *("--latency-wait", "20"),
    ),
    "generic": ("--latency-wait", "20"),
}

# A run of a minute, of the detector that needs no torch.
LINEAR_RUN = {
    "run": ["few"],
    "datasets": {"few": {"kind": "scenes", "seed": 1, "train": 120, "prune": 30, "test": 30}},
    "detectors": {
        "linear": {
            "backend": "linear",
            "config": str(CONFIG),
            "anchor_sets": {"own": {"from": "config"}},
            "resources": {"train": {"mem_mb": 200}},  # too little; three times as much is enough
        }
    },
    "experiments": {
        "few": {
            "dataset": "few",
            "anchor_sets": ["own"],
            "detector": "linear",
            "searches": ["greedy"],
            "budgets": [0.7],
            "retrain": "none",
        }
    },
}

PATIENCE = 1800  # seconds, on a machine that does much else


@contextmanager
def one_node(script: Path) -> Iterator[None]:
    """Start a cluster by its script, and end it with all its jobs."""
    subprocess.run([script, "start"], check=True)
    try:
        yield
    finally:
        subprocess.run([script, "stop"], check=True)


@dataclass
class Job:
    """What `squeue` says of a job; `rule` and its wildcards are in the comment."""

    jobid: int
    state: str
    memory: str
    limit: str
    partition: str
    gpus: str
    cpus: str
    comment: str

    @property
    def rule(self) -> str:
        return self.comment.removeprefix("rule_").partition("_wildcards_")[0]


@dataclass
class User:
    """A user without rights.

    Attributes:
        home: where its files lie; everybody may read them.
        environment: its variables, with a Python that it can read and the runtime folder of another machine.
    """

    home: Path
    number: int
    environment: dict[str, str]

    @property
    def temporary(self) -> Path:
        """Where its commands keep locks of GPUs."""
        return Path(tempfile.gettempdir(), f"anchorprune-{self.number}")

    def start(self, *command: str, folder: Path, log: Path) -> subprocess.Popen:
        with log.open("w") as stream:
            return subprocess.Popen(
                command,
                cwd=folder,
                env=self.environment,
                stdout=stream,
                stderr=stream,
                stdin=subprocess.DEVNULL,
                user=self.number,
                group=self.number,
                extra_groups=[],
                start_new_session=True,
            )

    def own(self, folder: Path) -> None:
        """Give files to the user."""
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, self.number, self.number, follow_symlinks=False)

    def project(self, name: str, settings: dict) -> "Project":
        """The pipeline in a folder of its own, copied: nobody minds if it is edited."""
        folder = self.home / name
        folder.mkdir()
        names = ("Snakefile", "rules", "config", "profiles", "environment.yml", "anchorprune")
        for source in [*(ROOT / name for name in names), *ROOT.glob("snakemake_*_plugin_*")]:
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / source.name)
        (folder / "mine.yaml").write_text(yaml.safe_dump(settings))
        self.own(folder)
        return Project(self, folder)


@contextmanager
def unprivileged_user(home: Path) -> Iterator[User]:
    """Make a user, and remove it."""
    subprocess.run(["userdel", USER], check=False, capture_output=True)
    subprocess.run(["useradd", "--no-create-home", "--home-dir", home, "--shell", "/bin/sh", USER], check=True)
    number = pwd.getpwnam(USER).pw_uid
    try:
        home.chmod(0o755)
        os.chown(home, number, number)
        environment = {
            "HOME": str(home),
            "USER": USER,
            "XDG_RUNTIME_DIR": f"/run/user/{number}",  # as a login node hands over; this machine has none
            "PATH": f"{_programs(home, number)}:/usr/local/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": str(home / "python/lib"),
            "OMP_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
        }
        yield User(home, number, environment)
    finally:
        _end_processes(number)
        subprocess.run(["userdel", USER], check=True)
        shutil.rmtree(Path(tempfile.gettempdir(), f"anchorprune-{number}"), ignore_errors=True)


def _end_processes(number: int) -> None:
    """Kill what a failed test has left of a user."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == number:
                os.kill(int(process.name), signal.SIGKILL)
    time.sleep(0.5)


def _programs(home: Path, number: int) -> Path:
    """A folder with `python`, `snakemake` and `anchorprune`, that a user can run."""
    python, identity = sys.executable, dict(user=number, group=number, extra_groups=[], cwd=home)
    trial = ["/bin/sh", "-c", '"$0" -c "import snakemake"']
    if subprocess.run([*trial, python], check=False, capture_output=True, **identity).returncode:
        python = _readable_python(home)
        subprocess.run([*trial, python], check=True, env={"LD_LIBRARY_PATH": str(home / "python/lib")}, **identity)
    programs = home / "bin"
    programs.mkdir()
    for name, arguments in (("python", ""), ("snakemake", " -m snakemake"), ("anchorprune", " -m anchorprune")):
        (programs / name).write_text(f'#!/bin/sh\nexec {python}{arguments} "$@"\n')
        (programs / name).chmod(0o755)
    return programs


def _readable_python(home: Path) -> Path:
    """A copy of this Python, which lies in another user's home, with the packages that are installed for it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library, own = Path(sysconfig.get_path("stdlib")), home / "python"
    ignored = shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "config-*")
    shutil.copytree(library, own / "lib" / version, ignore=ignored)
    (own / "bin").mkdir()
    shutil.copy(Path(sys.base_prefix, "bin", version), own / "bin")
    for shared in Path(sysconfig.get_config_var("LIBDIR")).glob("libpython*.so*"):
        shutil.copy(shared, own / "lib")
    environment = home / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "lib" / version).mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text(f"home = {own / 'bin'}\ninclude-system-site-packages = false\n")
    (environment / "bin/python").symlink_to(own / "bin" / version)
    (environment / "lib" / version / "site-packages").symlink_to(sysconfig.get_path("purelib"))
    return environment / "bin/python"


@dataclass
class Project:
    """A user's copy of the pipeline, with its experiments in mine.yaml."""

    user: User
    folder: Path
    _earlier: frozenset[Path] = frozenset()  # logs of the runs before

    def start(self, *arguments: str, profile: str | None = "slurm") -> subprocess.Popen:
        """Start Snakemake, through one of the profiles or on this machine."""
        self.user.environment["PYTHONPATH"] = os.pathsep.join([str(self.folder), str(LINEAR)])
        self._earlier = frozenset(logs(self.folder))
        place = ("--workflow-profile", f"profiles/{profile}", *FAST[profile]) if profile else ("--cores", "2")
        command = ("snakemake", *arguments, *place, "--configfile", "mine.yaml")
        return self.user.start(*command, folder=self.folder, log=self.log)

    @property
    def log(self) -> Path:
        return self.folder / "terminal.log"

    def run(self, *arguments: str, **options) -> str:
        """Run it to a good end; what it printed."""
        process = self.start(*arguments, **options)
        assert process.wait(PATIENCE) == 0, self.log.read_text()
        return self.log.read_text()

    def submitted(self) -> list[int]:
        """The jobs of the last run, by Slurm's numbers, in the order of their submission."""
        text = "".join(log.read_text() for log in logs(self.folder) if log not in self._earlier)
        return [int(number) for number in re.findall(r"SLURM jobid (\d+)", text)]

    def table(self) -> pd.DataFrame:
        """The report's rows, without what names the code's commit."""
        found = pd.read_csv(self.folder / "results/report/results.csv", keep_default_na=False)
        return found.drop(columns="commit")


def queue() -> dict[int, Job]:
    """All jobs that Slurm knows, also those that have ended."""
    form = ",".join(f"{field}:200" for field in FIELDS)
    command = ["squeue", "--states=all", "--noheader", "--sort=i", f"--Format={form}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [[line[200 * i : 200 * (i + 1)].strip() for i in range(len(FIELDS))] for line in lines]
    return {int(row[0]): Job(int(row[0]), *row[1:]) for row in rows}


def wait_until(found: Callable[[], object], process: subprocess.Popen, log: Path) -> object:
    """Wait for what a running process brings about; `log` is what it printed."""
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return value


def interrupt(process: subprocess.Popen) -> None:
    """What Ctrl-C on its terminal does."""
    os.killpg(process.pid, signal.SIGINT)
    process.wait(60)
