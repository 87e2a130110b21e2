"""Which of Snakemake's own messages are for the eyes of who runs the pipeline. All of them are in its log file."""

import logging

_OURS = "anchorprune"
# Beginnings of what is told at the level of a notice and worth a line.
_TOLD = (_OURS, "Nothing to be done", "Provided ", "Trying to restart job")
_STOPPING = "Terminating processes on user request"
# Beginnings of notices that come before a run and are of no use; all others may be what was asked for, such as --lint.
_BEFORE = ("Config file ", "Assuming ", "host: ", "Building DAG ", "Using shell", "Updating ", "Workflow has started")
# Beginnings of errors that only say that a job failed: its own line says more.
_KNOWN = (
    "Exiting because a job execution failed",
    "RuleException:\nCalledProcessError",
    "WorkflowError:\nAt least one job did not complete",
)


def is_shown(record: logging.LogRecord, runs: bool) -> bool:
    """Whether a message is shown.

    Args:
        record: Snakemake's.
        runs: whether jobs are planned already.
    """
    text = str(record.msg or "")
    if record.levelno >= logging.WARNING:
        return bool(text) and not text.startswith(_KNOWN)
    asked_for = not runs and record.levelno == logging.INFO and not text.startswith(_BEFORE)
    return text.startswith(_TOLD) or (asked_for and bool(text))


def is_stopping(record: logging.LogRecord) -> bool:
    """Whether it says that the run was interrupted."""
    return str(record.msg or "").startswith(_STOPPING)
