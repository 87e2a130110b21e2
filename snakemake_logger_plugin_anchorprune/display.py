"""The jobs of a run: on a terminal a live line for each that takes long, and one for all; else a line as each ends."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from snakemake_logger_plugin_anchorprune.job import Job

_SOON = 2.0  # seconds that a job may take without a line of its own
_LONG = 10.0  # seconds from which on a job's end is worth a line on a terminal
_ALL = "all"  # the rule that only asks for others
_MOST = 12  # running jobs with a line of their own


class Display:
    """Shows what happens; every method is told of one thing that did.

    Attributes:
        runs: whether jobs are planned already.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._jobs: dict[int, Job] = {}
        self._done, self._total, self._failed = 0, 0, 0
        self._started = time.monotonic()
        self._stopping = False
        self.runs = False
        self._live: Live | None = None

    def planned(self, total: int) -> None:
        """The run has so many jobs; a terminal shows them from here on."""
        self._total, self.runs = total, True
        if self._console.is_terminal and self._live is None:
            self._live = Live(get_renderable=self._lines, console=self._console, refresh_per_second=2, transient=True)
            self._live.start()

    def starts(self, fields: Mapping[str, Any]) -> None:
        """A job starts, or is submitted."""
        job = Job.of(fields)
        self._jobs[job.number] = job
        if not self._live and job.rule != _ALL:
            self.say(f"{self._count()} {job} ...")

    def ends(self, number: int) -> None:
        """A job is done."""
        self._done += 1
        job = self._jobs.pop(number, None)
        if job and job.rule != _ALL and (not self._live or job.seconds >= _LONG):
            self.say(f"{self._count()} {job}: done in {_clock(job.seconds)}")

    def fails(self, fields: Mapping[str, Any]) -> None:
        """A job failed: why, and where its log lies."""
        self._failed += not self._stopping
        job = self._jobs.pop(fields["jobid"], None) or Job.of(fields)
        if self._stopping:  # it was told to
            return
        log = f" (log: {job.logs[0]})" if job.logs else ""
        self.say(f"{job} failed: {job.reason() or fields.get('rule_msg') or 'it wrote no log'}{log}", style="bold red")

    def progresses(self, done: int, total: int) -> None:
        """So many of the run's jobs are done; a checkpoint's end may add some."""
        self._done, self._total = done, total

    def stops(self) -> None:
        """Whoever runs it has told it to stop."""
        self._stopping = True
        self.say("stopping; what is done stays")

    def say(self, text: str, style: str = "") -> None:
        """Show a text that stays."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def close(self) -> None:
        """Stop moving; say how to go on where jobs are left."""
        if self._live:
            self._live.stop()
            self._live = None
        if self._total > self._done:
            failed = f"{self._failed} failed, " if self._failed else ""
            self.say(f"{failed}{self._done} of {self._total} jobs are done: run the same command again to go on")
            self._total = 0

    def _count(self) -> str:
        width = len(str(self._total))
        return f"[{self._done:>{width}}/{self._total}]"

    def _lines(self) -> Group:
        long = [job for job in self._jobs.values() if job.seconds >= _SOON]
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True, overflow="ellipsis")
        for job in long[:_MOST]:
            table.add_row(Text(str(job)), _clock(job.seconds), Text(job.progress(), style="cyan"))
        rest = len(self._jobs) - min(len(long), _MOST)
        overall = Table.grid(padding=(0, 2))
        bar = ProgressBar(max(self._total, 1), self._done, width=30)
        more = f"{rest} more running, " if rest else ""
        failed = Text(f"{self._failed} failed", style="bold red") if self._failed else Text("")
        elapsed = _clock(time.monotonic() - self._started)
        overall.add_row(bar, f"{self._done} of {self._total} jobs", f"{more}{elapsed}", failed)
        return Group(table, overall)


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
