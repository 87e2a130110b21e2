"""The `anchorprune` command: one thin sub-command per stage, loaded only when it is called."""

import functools
import importlib
import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from anchorprune import __version__
from anchorprune.commands.options import only_results_on_stdout
from anchorprune.commands.unexpected import one_line
from anchorprune.errors import UserError

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
    "layout": "layout",
    "slice": "slice",
    "retrain": "retrain",
    "evaluate": "evaluate",
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
    "doctor": "doctor",
}


class LazyGroup(click.Group):
    """A group that imports a sub-command's module only when that sub-command is used (start-up time)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"anchorprune.commands.{COMMANDS[cmd_name]}").command
        if not isinstance(command, click.Group) and not hasattr(command.callback, "__wrapped__"):
            command.callback = _with_clean_stdout(command.callback)
        return command


def _with_clean_stdout(callback: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(callback)
    def call(*arguments: Any, **options: Any) -> None:
        with only_results_on_stdout():
            callback(*arguments, **options)

    return call


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="anchorprune")
@click.option("--debug", is_flag=True, help="Show the traceback of an error that was not foreseen.")
@click.pass_obj
def cli(settings: dict[str, bool], debug: bool) -> None:
    """Prune the anchors of one-stage object detectors.

    Every command prints its result as JSON on standard output, messages on standard error, and ends with
    status 0, or with one line that says what is wrong and status 2.
    """
    settings["debug"] = debug


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    settings = {"debug": False}
    try:
        status = cli.main(args=arguments, prog_name="anchorprune", standalone_mode=False, obj=settings)
    except click.exceptions.Abort as abort:
        if isinstance(abort.__cause__, EOFError):  # click takes it for a user who ends the input
            return _fail(one_line(abort.__cause__, **settings))
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except click.ClickException as error:
        return _fail(error.format_message())
    except UserError as error:
        return _fail(str(error))
    except BrokenPipeError:
        return 0
    except Exception as error:
        return _fail(one_line(error, **settings))
    return status if isinstance(status, int) else 0  # what a command's Exit asked for


def _interrupted() -> int:
    print("anchorprune: interrupted", file=sys.stderr)
    return 130


def _fail(message: str) -> int:
    print("anchorprune: error: " + " ".join(message.split()), file=sys.stderr)
    return 2
