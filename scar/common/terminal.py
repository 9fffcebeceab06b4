"""How the command lines report errors: an expected failure prints one line and exits with code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from scar.errors import ScarError


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
