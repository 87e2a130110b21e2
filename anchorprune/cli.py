"""The `anchorprune` command: one thin sub-command per stage, loaded only when it is called."""

import functools
import importlib
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from anchorprune import __version__
from anchorprune.commands.options import only_results_on_stdout
from anchorprune.commands.unexpected import one_line
from anchorprune.errors import UserError, did_you_mean

# Sub-command -> module in anchorprune.commands with a click command `command`; in data-flow order.
COMMANDS = {
    "init": "init",
    "plan": "plan",
    "download": "download",
    "dataset": "dataset",
    "convert": "convert",
    "train": "train",
    "predict": "predict",
    "search": "search",
    "choose": "choose",
    "layout": "layout",
    "slice": "slice",
    "retrain": "retrain",
    "evaluate": "evaluate",
    "decide": "decide",
    "submission": "submission",
    "deploy": "deploy",
    "latency": "latency",
    "publish": "publish",
    "show": "show",
    "report": "report",
    "shapes": "shapes",
    "anchors": "anchors",
    "control": "control",
    "cost": "cost",
    "score": "score",
    "compare": "compare",
    "verify": "verify",
    "doctor": "doctor",
}


class LazyGroup(click.Group):
    """A group that imports a sub-command's module only when that sub-command is used (start-up time)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:  # a shell completes what is typed so far
                return None
            raise click.UsageError(f"no such command {cmd_name!r}{did_you_mean(cmd_name, COMMANDS)}")
        return _loaded(cmd_name)


@functools.cache
def _loaded(name: str) -> click.Command:
    command = importlib.import_module(f"anchorprune.commands.{COMMANDS[name]}").command
    if not isinstance(command, click.Group):
        command.callback = _with_clean_stdout(command.callback)
    return command


def _with_clean_stdout(callback: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(callback)
    def call(*arguments: Any, **options: Any) -> None:
        with only_results_on_stdout():
            callback(*arguments, **options)

    return call


def _print_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from anchorprune.provenance import program_commit

        click.echo(f"anchorprune {__version__} ({program_commit() or 'commit unknown'})")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="And commit.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error that was not foreseen.")
@click.pass_obj
def cli(settings: dict[str, bool], debug: bool) -> None:
    """Prune the anchors of one-stage object detectors.

    Every command prints its result as JSON on standard output, messages on standard error, and ends with
    status 0, or with one line that says what is wrong and status 2.
    """
    settings["debug"] = debug


class _Terminated(BaseException):
    """SIGTERM, by which batch systems end a job: as by Ctrl-C, what is half done is cleared away."""


@contextmanager
def _terminable() -> Iterator[None]:
    def terminate(*_: Any) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    settings = {"debug": False}
    try:
        with _terminable():
            status = cli.main(args=arguments, prog_name="anchorprune", standalone_mode=False, obj=settings)
    except click.exceptions.Abort as abort:
        if isinstance(abort.__cause__, EOFError):  # click takes it for a user who ends the input
            return _fail(one_line(abort.__cause__, **settings))
        return _interrupted(signal.SIGINT)
    except KeyboardInterrupt:
        return _interrupted(signal.SIGINT)
    except _Terminated:
        return _interrupted(signal.SIGTERM)
    except click.ClickException as error:
        return _fail(error.format_message())
    except UserError as error:
        return _fail(str(error))
    except BrokenPipeError:
        return 0
    except Exception as error:
        return _fail(one_line(error, **settings))
    return status if isinstance(status, int) else 0  # what a command's Exit asked for


def _interrupted(by: signal.Signals) -> int:
    print(f"anchorprune: interrupted by {by.name}; run the same command again to go on", file=sys.stderr)
    return 128 + by  # as shells count


def _fail(message: str) -> int:
    print("anchorprune: error: " + " ".join(message.split()), file=sys.stderr)
    return 2
