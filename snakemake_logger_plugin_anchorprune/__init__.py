"""Snakemake's terminal output for anchorprune's pipeline: `--logger anchorprune`, which the profiles have.

Snakemake finds a logger plug-in by its module's name. Dry runs and `--verbose` look as they do without it.
"""

import logging
import sys

from rich.console import Console
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_anchorprune.display import Display
from snakemake_logger_plugin_anchorprune.messages import is_shown, is_stopping


class LogHandler(LogHandlerBase):
    """Shows a run's jobs, errors and results."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        settings = self.common_settings
        stream = sys.stdout if settings.stdout else sys.stderr
        self._usual = None
        if settings.dryrun or settings.verbose or settings.debug_dag:
            self._usual = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
            self._usual.setFormatter(DefaultFormatter(settings.quiet, settings.show_failed_logs))
        self.addFilter(
            DefaultFilter(
                settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds
            )
        )
        self._display = Display(Console(file=stream, no_color=settings.nocolor or None, highlight=False, markup=False))

    def emit(self, record: logging.LogRecord) -> None:
        """Show what a record tells of."""
        if self._usual:
            self._usual.emit(record)
            return
        event, fields = getattr(record, "event", None), vars(record)
        if event == LogEvent.RUN_INFO:
            self._display.planned(fields["stats"]["total"])
        elif event == LogEvent.JOB_INFO:
            self._display.starts(fields)
        elif event == LogEvent.JOB_FINISHED:
            self._display.ends(fields["job_id"])
        elif event == LogEvent.JOB_ERROR:
            self._display.fails(fields)
        elif event == LogEvent.PROGRESS:
            self._display.progresses(fields["done"], fields["total"])
        elif event == LogEvent.SHELLCMD:
            self._display.say(fields.get("cmd") or fields.get("shellcmd") or "")
        elif is_stopping(record):
            self._display.stops()
        elif is_shown(record, self._display.runs):
            self._display.say(str(record.msg))

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._display.close()
        super().close()
