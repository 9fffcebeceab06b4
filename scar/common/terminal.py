"""What the command lines share: an expected failure is one line and exit code 2; tables keep their width in files."""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from scar.errors import ScarError

if TYPE_CHECKING:
    from rich.console import Console

MAX_SEED = 2**63 - 1
"""Largest seed; all generators of random numbers take it."""

DEBUG_OPTION = "--debug"
DEBUG_HELP = f"{DEBUG_OPTION}, anywhere in a command, shows the traceback of an error."

_debugging: ContextVar[bool] = ContextVar("debugging", default=False)
"""Whether the command line that is run has `DEBUG_OPTION`."""


class CommandGroup(TyperGroup):
    """Commands that all take ``--debug``; the ``cls`` of a `typer.Typer`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take ``--debug`` out of the arguments, wherever it stands, and parse the others."""
        own = args[: args.index("--")] if "--" in args else args
        _debugging.set(DEBUG_OPTION in own)
        return super().parse_args(ctx, [arg for arg in own if arg != DEBUG_OPTION] + args[len(own) :])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; its help tells of ``--debug``."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.epilog = DEBUG_HELP
        return command


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """Print a `ScarError` or a file error as one line on stderr and exit with code 2; a bug keeps its traceback.

    With ``--debug``, the traceback of an expected failure is printed before its line. Ctrl-C prints one line and exits
    with code 130.

    Args:
        program: name of the program, printed before the message.
    """
    try:
        yield
    except ScarError as error:
        message = str(error)
        print_traceback(error)
    except KeyboardInterrupt:
        typer.echo(f"{program}: stopped.", err=True)
        raise typer.Exit(130) from None
    except OSError as error:
        message = f"{error.filename or 'input/output'}: {error.strerror or error}."
        print_traceback(error)
    else:
        return
    typer.echo(f"{program}: {' '.join(message.split())}", err=True)
    raise typer.Exit(2)


def print_traceback(error: BaseException, *, always: bool = False) -> None:
    """Print the traceback of an error on stderr if ``--debug`` was given, or ``always``."""
    if always or _debugging.get():
        typer.echo("".join(traceback.format_exception(error)), err=True, nl=False)


def refuse_infinity(value: float | None) -> float | None:
    """The value of an option that has no upper bound; a callback of `typer.Option`.

    Raises:
        typer.BadParameter: the value is infinite or not a number.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def make_console() -> Console:
    """The console that prints tables to stdout: 240 columns wide in a file or pipe, so that names are not cut."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = 240
    return console
