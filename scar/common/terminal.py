"""What the command lines share: an expected failure is one line and exit code 2; tables keep their width in files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from scar.errors import ScarError

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def one_line_errors(program: str) -> Iterator[None]:
    """Print a `ScarError` or a file error as one line on stderr and exit with code 2; a bug keeps its traceback.

    Args:
        program: name of the program, printed before the message.
    """
    try:
        yield
    except ScarError as error:
        message = str(error)
    except KeyboardInterrupt:
        typer.echo(f"{program}: stopped.", err=True)
        raise typer.Exit(130) from None
    except OSError as error:
        message = f"{error.filename or 'input/output'}: {error.strerror or error}."
    else:
        return
    typer.echo(f"{program}: {' '.join(message.split())}", err=True)
    raise typer.Exit(2)


def make_console() -> Console:
    """The console for tables; it is wide if output goes to a file or pipe, so that names are not cut."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = 240
    return console
